// Package runtime is the memory that passes between a guest and its host: in place of the module of the same name, which the bindings
// import, because that one allocates on Go's heap whenever the host asks for memory.
//
// Asking may start a garbage collection, which reads the clock, which is an import: and while the host asks for memory no import may be
// called. The guest would trap now and then. Here the host is given parts of a chunk that was allocated before, while calling was allowed.
package runtime

import (
	"runtime"
	"unsafe"
)

const (
	chunkSize  = 64 << 10
	reserveMin = 16 << 10
)

var (
	// What the host is given parts of. Strings of answers point into it and keep it alive; otherwise it is garbage once it is replaced.
	chunk []byte
	// How much of the chunk is given away.
	used uintptr
	// How much is kept ready for one call's answers.
	reserve uintptr = reserveMin
)

//go:linkname sbrk runtime.sbrk
func sbrk(size uintptr) unsafe.Pointer

// Allocate gives memory to a call of the host, until it has ended. Every call whose answer needs memory begins with it.
func Allocate(pinner *runtime.Pinner, size, align uintptr) unsafe.Pointer {
	if uintptr(len(chunk))-used < reserve {
		chunk = make([]byte, max(chunkSize, 2*reserve))
		used = 0
	}
	// Until the answer is read, nothing in Go points into the chunk.
	pinner.Pin(unsafe.SliceData(chunk))
	if size == 0 {
		return nil
	}
	// Words are aligned for everything that there is in an interface.
	area := unsafe.Pointer(unsafe.SliceData(make([]uint64, (size+7)/8)))
	pinner.Pin(area)
	return area
}

// Unpin has nothing to let go of: an answer lives as long as what points to it.
func Unpin() {}

// cabiRealloc must call nothing that may allocate. It is also called before Go's own runtime is up.
//
//go:wasmexport cabi_realloc
func cabiRealloc(old unsafe.Pointer, oldSize, align, size uintptr) unsafe.Pointer {
	if old != nil || oldSize != 0 {
		panic("nothing that the host was given can grow")
	}
	if begin := (used + align - 1) &^ (align - 1); begin+size <= uintptr(len(chunk)) {
		used = begin + size
		return unsafe.Add(unsafe.Pointer(unsafe.SliceData(chunk)), begin)
	}
	// This stays until the instance is dropped. It is rare: the next chunk has room for as much.
	reserve = 2 * (reserve + size)
	begin := uintptr(sbrk(size + align))
	return unsafe.Pointer((begin + align - 1) &^ (align - 1))
}
