// Package job is what the node and a worker that runs validation code say to one another, over the worker's standard
// streams: frames of a kind, a length and that many bytes. The worker believes the node. The node believes nothing that
// came after code has run in the worker but that it is a verdict on that code: whatever a worker says then, code that
// has broken out of the sandbox may have said, and it gains nothing by saying that it is invalid.
//
// A worker is started for one of two things. One that prepares code is given Prepare, answers Prepared, Unable,
// TooLarge or Malformed, and ends. One that runs code says Loaded or Unable, and is then given one Run after the other,
// each of which has one of the answers that Verdict lists.
package job

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/reevenet/reeve/internal/core/candidate"
)

// Kind is a frame's.
type Kind byte

// What the node says.
const (
	Prepare Kind = 'P' // the code, as it was uploaded
	Run     Kind = 'R' // the parameters
)

// What a worker says.
const (
	Prepared  Kind = 'p' // nothing: it lies in the worker's directory
	Loaded    Kind = 'l' // nothing
	Unable    Kind = 'u' // this machine can't: why
	TooLarge  Kind = 'b' // the code isn't fit to run: it is too long when it is unpacked
	Malformed Kind = 'm' // or no module that the sandbox takes: why

	// The answers to Run.
	Returned  Kind = 'o' // the code returned these bytes
	Declined  Kind = 'n' // the code judges the candidate invalid: what it wrote
	Trapped   Kind = 't' // the code trapped or ended itself: how, and what it wrote
	Exhausted Kind = 'f' // the code used up what it may
	BadReturn Kind = 'x' // what the code returned isn't in its memory, or is too long
)

// MaxCode is how long code may be, in bytes, as it was uploaded and unpacked.
const MaxCode = 8 << 20

// MostParams is how long parameters may be, in bytes: a proof of validity, a head, and what is between them.
const MostParams = candidate.MaxPoV + candidate.MaxHeadData + 1024

// Lengths in bytes.
const (
	headerSize = 5
	fuelSize   = 8
	// MostSaid is the longest frame that a worker may send: outputs, which can't be longer than a candidate's
	// commitments.
	MostSaid = candidate.MaxCommitments + fuelSize
	// MostDetail is the longest of what is told for people.
	MostDetail = 256
)

// ErrBroken: what came is no frame, or a frame that can't come there.
var ErrBroken = errors.New("the worker doesn't keep to the protocol")

// Frame is one of them.
type Frame struct {
	Kind Kind
	Body []byte
}

// Write sends a frame.
func Write(w io.Writer, kind Kind, body []byte) error {
	header := binary.BigEndian.AppendUint32([]byte{byte(kind)}, uint32(len(body)))
	if _, err := w.Write(header); err != nil {
		return err
	}
	_, err := w.Write(body)
	return err
}

// Read takes the next frame, whose body must be no longer than most.
func Read(r io.Reader, most int) (f Frame, err error) {
	var header [headerSize]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return f, err
	}
	size := binary.BigEndian.Uint32(header[1:])
	if uint64(size) > uint64(most) {
		return f, fmt.Errorf("%w: a frame of %d bytes", ErrBroken, size)
	}
	f = Frame{Kind: Kind(header[0]), Body: make([]byte, size)}
	if _, err = io.ReadFull(r, f.Body); errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return f, err
}

// Answer is what a run came to.
type Answer struct {
	Kind Kind
	// Fuel is how much was used.
	Fuel uint64
	// Body is what Kind says.
	Body []byte
}

// Frame is the answer's.
func (a Answer) Frame() Frame {
	return Frame{a.Kind, append(binary.BigEndian.AppendUint64(nil, a.Fuel), a.Body...)}
}

// Verdict reads the answer to Run.
func Verdict(f Frame) (a Answer, err error) {
	switch f.Kind {
	case Returned, Declined, Trapped, Exhausted, BadReturn:
	default:
		return a, fmt.Errorf("%w: a frame %q instead of a verdict", ErrBroken, byte(f.Kind))
	}
	if len(f.Body) < fuelSize || f.Kind != Returned && len(f.Body) > fuelSize+MostDetail {
		return a, fmt.Errorf("%w: a verdict of %d bytes", ErrBroken, len(f.Body))
	}
	return Answer{f.Kind, binary.BigEndian.Uint64(f.Body), f.Body[fuelSize:]}, nil
}
