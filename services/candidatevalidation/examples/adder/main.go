// Command adder is validation code in Go, as an example. The para's head is a number, 8 bytes, big-endian; a block is
// numbers like it, and the head after the block is their sum with the head before.
package main

import (
	"encoding/binary"
	"errors"

	"github.com/reevenet/reeve/services/candidatevalidation/guest"
)

func init() { guest.Serve(validate) }

func main() {}

func validate(p guest.Params) (guest.Outputs, error) {
	if len(p.ParentHead) != 8 || len(p.BlockData)%8 != 0 {
		return guest.Outputs{}, errors.New("the head is a number of 8 bytes, and the block numbers like it")
	}
	sum := binary.BigEndian.Uint64(p.ParentHead)
	for at := 0; at < len(p.BlockData); at += 8 {
		sum += binary.BigEndian.Uint64(p.BlockData[at:])
	}
	return guest.Outputs{HeadData: binary.BigEndian.AppendUint64(nil, sum)}, nil
}
