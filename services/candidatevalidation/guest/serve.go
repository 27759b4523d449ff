//go:build wasip1

package guest

import "unsafe"

var (
	validating func(Params) (Outputs, error)
	// given are the buffers that the host has asked for: nothing else in the program refers to them.
	given [][]byte
	// result is what was answered last, for the same reason.
	result []byte
)

func serve(validate func(Params) (Outputs, error)) { validating = validate }

// alloc gives the host room for the parameters.
//
//go:wasmexport reeve_alloc
func alloc(size uint32) uint32 {
	b := make([]byte, max(size, 1))
	given = append(given, b)
	return address(b)
}

// validateBlock judges the candidate whose parameters are there, and tells where the outputs are and how long; 0: it is
// invalid.
//
//go:wasmexport validate_block
func validateBlock(at, size uint32) uint64 {
	p, err := DecodeParams(unsafe.Slice((*byte)(unsafe.Pointer(uintptr(at))), size))
	if err != nil {
		return refuse(err)
	}
	out, err := validating(p)
	if err != nil {
		return refuse(err)
	}
	result = out.Encode()
	return uint64(address(result))<<32 | uint64(len(result))
}

// refuse says why, on the standard error output, whose end the host shows.
func refuse(why error) uint64 {
	print(why.Error())
	return 0
}

func address(b []byte) uint32 { return uint32(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) }
