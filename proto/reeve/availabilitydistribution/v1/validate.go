package availabilitydistributionv1

import "errors"

// MaxPart is the length in bytes of the longest part of a chunk that is asked for.
const MaxPart = 1 << 20

// MaxPushed is the length in bytes of the longest chunk that is sent without being asked for.
const MaxPushed = 64 << 10

// maxProof is the number of hashes of the longest proof.
const maxProof = 16

var (
	errCandidate = errors.New("a candidate's hash has 32 bytes")
	errLength    = errors.New("a part has 1 to 1,048,576 bytes")
	errProof     = errors.New("a proof has at most 16 hashes of 32 bytes")
	errPushed    = errors.New("a chunk that is pushed has 1 to 65,536 bytes")
)

// Validate says what is wrong with it.
func (x *PartRequest) Validate() error {
	switch {
	case len(x.GetCandidate()) != 32:
		return errCandidate
	case x.GetLength() == 0 || x.GetLength() > MaxPart:
		return errLength
	}
	return nil
}

// Validate says what is wrong with it.
func (x *Part) Validate() error {
	if len(x.GetBytes()) > MaxPart {
		return errLength
	}
	return validProof(x.GetProof())
}

// Validate says what is wrong with it.
func (x *Pushed) Validate() error {
	switch n := len(x.GetChunk()); {
	case len(x.GetCandidate()) != 32:
		return errCandidate
	case n == 0 || n > MaxPushed:
		return errPushed
	}
	return validProof(x.GetProof())
}

func validProof(proof [][]byte) error {
	if len(proof) > maxProof {
		return errProof
	}
	for _, h := range proof {
		if len(h) != 32 {
			return errProof
		}
	}
	return nil
}
