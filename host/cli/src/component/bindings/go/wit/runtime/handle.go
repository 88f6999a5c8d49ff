package runtime

// Handle is a resource of the host's, by its number, until it is given away or dropped. None has the number 0.
type Handle struct {
	number int32
}

// MakeHandle holds that resource.
func MakeHandle(number int32) *Handle { return &Handle{number} }

// Use is the number for a call that leaves the resource here.
func (handle *Handle) Use() int32 {
	if handle.number == 0 {
		panic("the resource was given away or dropped before")
	}
	return handle.number
}

// Take is the number for a call that the resource is given away with.
func (handle *Handle) Take() int32 {
	number := handle.Use()
	handle.number = 0
	return number
}

// TakeOrNil is Take where the resource may be gone already: then it is 0.
func (handle *Handle) TakeOrNil() int32 {
	number := handle.number
	handle.number = 0
	return number
}

// Set holds another resource, where there is none.
func (handle *Handle) Set(number int32) {
	if handle.number != 0 {
		panic("the resource that is held would be lost")
	}
	handle.number = number
}
