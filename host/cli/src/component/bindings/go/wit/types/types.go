// Package types has what WIT has and Go has not: options, results and tuples.
package types

// The tags of options and results.
const (
	OptionNone = 0
	OptionSome = 1
	ResultOk   = 0
	ResultErr  = 1
)

// Unit is the value of a result that says no more than how it went.
type Unit struct{}

// Tuple2 is two values.
type Tuple2[A, B any] struct {
	F0 A
	F1 B
}

// Option is a value, or none. Its zero value is none.
type Option[T any] struct {
	some  bool
	value T
}

// Some is the option that holds value.
func Some[T any](value T) Option[T] { return Option[T]{some: true, value: value} }

// None is the option that holds nothing.
func None[T any]() Option[T] { return Option[T]{} }

// IsSome tells whether there is a value.
func (o Option[T]) IsSome() bool { return o.some }

// IsNone tells whether there is none.
func (o Option[T]) IsNone() bool { return !o.some }

// Tag is OptionSome or OptionNone.
func (o Option[T]) Tag() uint8 {
	if o.some {
		return OptionSome
	}
	return OptionNone
}

// Some is the value; it panics if there is none.
func (o Option[T]) Some() T {
	if !o.some {
		panic("the option is none")
	}
	return o.value
}

// SomeOr is the value, or another one if there is none.
func (o Option[T]) SomeOr(other T) T {
	if o.some {
		return o.value
	}
	return other
}

// Result is what came out, or what went wrong.
type Result[T, E any] struct {
	failed bool
	ok     T
	err    E
}

// Ok is the result of what went well.
func Ok[T, E any](value T) Result[T, E] { return Result[T, E]{ok: value} }

// Err is the result of what went wrong.
func Err[T, E any](err E) Result[T, E] { return Result[T, E]{failed: true, err: err} }

// IsOk tells whether it went well.
func (r Result[T, E]) IsOk() bool { return !r.failed }

// IsErr tells whether it went wrong.
func (r Result[T, E]) IsErr() bool { return r.failed }

// Tag is ResultErr or ResultOk.
func (r Result[T, E]) Tag() uint8 {
	if r.failed {
		return ResultErr
	}
	return ResultOk
}

// Ok is what came out; it panics if something went wrong.
func (r Result[T, E]) Ok() T {
	if r.failed {
		panic("the result is an error")
	}
	return r.ok
}

// Err is what went wrong; it panics if nothing did.
func (r Result[T, E]) Err() E {
	if !r.failed {
		panic("the result is no error")
	}
	return r.err
}
