// Package sandglass lets the generated bindings read like Go: errors in place of results, and values in place of payloads. It is no SDK:
// what a workflow calls are the bindings. Copy it, and change it as you like.
package sandglass

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime/debug"

	wit "go.bytecodealliance.org/pkg/wit/types"
	failures "wit_component/sandglass_workflow_failures"
	types "wit_component/sandglass_workflow_types"
)

type (
	Payload = types.Payload
	Result  = wit.Result[Payload, types.Failure]
)

// Failure is a failure as an error.
type Failure struct{ types.Failure }

func (f Failure) Error() string { return f.Message }

// Fail makes the failure that ends a workflow, or an activity that is not to be tried again.
func Fail(errorType, message string) error {
	return Failure{failures.Application(message, errorType, true)}
}

// Try turns a result of the bindings into what functions in Go return.
func Try[T any](result wit.Result[T, types.Failure]) (value T, err error) {
	if result.IsErr() {
		return value, Failure{result.Err()}
	}
	return result.Ok(), nil
}

// Some is an option that is given.
func Some[T any](value T) wit.Option[T] { return wit.Some(value) }

// Run is the export of a world: it calls run with the first argument and encodes what it returns. Where In is []Payload, it is all arguments
// as they came; where Out is Payload, it is returned as it is.
func Run[In, Out any](input []Payload, run func(In) (Out, error)) Result {
	defer tellPanic()
	var in In
	if all, ok := any(&in).(*[]Payload); ok {
		*all = input
	} else if err := Decode(input, &in); err != nil {
		return failed(err)
	}
	out, err := run(in)
	if err != nil {
		return failed(err)
	}
	if payload, ok := any(out).(Payload); ok {
		return wit.Ok[Payload, types.Failure](payload)
	}
	return wit.Ok[Payload, types.Failure](Encode(out))
}

// Before Go itself gives up, it sleeps a few times, and a sleep is a timer of the run. So the process ends here, at once.
func tellPanic() {
	if reason := recover(); reason != nil {
		fmt.Fprintf(os.Stderr, "%s\npanic: %v\n", debug.Stack(), reason)
		os.Exit(2)
	}
}

func failed(err error) Result {
	var failure Failure
	if !errors.As(err, &failure) {
		failure.Failure = failures.Application(err.Error(), fmt.Sprintf("%T", err), false)
	}
	return wit.Err[Payload](failure.Failure)
}

// Encode makes a payload of plain data.
func Encode(value any) Payload {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return types.MakePayloadJson(string(text))
}

// Decode reads the first payload; none is JSON's null.
func Decode(payloads []Payload, value any) error {
	text := "null"
	if len(payloads) > 0 && payloads[0].Tag() != types.PayloadNil {
		if payloads[0].Tag() != types.PayloadJson {
			return Fail("BadPayload", "the payload is not JSON")
		}
		text = payloads[0].Json()
	}
	if err := json.Unmarshal([]byte(text), value); err != nil {
		return Fail("BadPayload", err.Error())
	}
	return nil
}
