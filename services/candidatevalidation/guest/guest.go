// Package guest is what the author of a parachain writes its validation code with, in Go. The code is a program of
// WebAssembly that judges one candidate: it is given the para's head before it and its proof of validity, and yields
// the head after it and what the candidate asks of the relay chain. Every validator runs it and must come to the same
// result.
//
//	func init() { guest.Serve(validate) }
//
//	func main() {} // never called
//
//	func validate(p guest.Params) (guest.Outputs, error) { … }
//
// It is built by
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -trimpath -ldflags='-s -w' -o code.wasm .
//
// The interface beneath, for other languages, is in docs/validation.md, and so is what code may do: it has no clock, no
// randomness, no files and no network, and its work, memory and stack are measured out. The package imports nothing
// but the runtime's own, so that the code stays small.
package guest

// Params is what a candidate is judged by.
type Params struct {
	// ParentHead is the para's head before the candidate.
	ParentHead []byte
	// RelayParentNumber is the height of the relay-chain block that the candidate was built on, and
	// RelayParentStorageRoot the root of its state.
	RelayParentNumber      uint64
	RelayParentStorageRoot [32]byte
	// BlockData is the proof of validity: the para's block with all that its validation needs.
	BlockData []byte
}

// Outputs is what a valid candidate yields.
type Outputs struct {
	// HeadData is the para's head after the candidate.
	HeadData []byte
	// UpwardMessages go to the relay chain, in this order.
	UpwardMessages [][]byte
	// NewValidationCode is what the para upgrades to; nil when it doesn't. The relay chain must know the code already.
	NewValidationCode *Code
	// ProcessedDownwardMessages is how many messages from the relay chain the candidate has consumed.
	ProcessedDownwardMessages uint32
}

// Code names validation code.
type Code struct {
	Hash [32]byte // SHA-256 of its bytes, as they were uploaded
	Size uint64   // their number
}

// Serve sets the function that judges candidates. An error makes the candidate invalid; its text is shown to the
// operators of validators and decides nothing. A panic is like an error.
func Serve(validate func(Params) (Outputs, error)) { serve(validate) }
