package p2p

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// firstPiece is how much is allocated for a frame on its sender's word alone. The rest follows as bytes arrive,
// doubling.
const firstPiece = 64 << 10

var errEmptyFrame = errors.New("the peer sent a frame of no bytes")

// readFrame reads one frame: its length as an unsigned varint, then that many bytes. The length is checked before
// anything is allocated; a frame of no bytes or of more than max is an error, after which the stream can't be read on.
func readFrame(r *bufio.Reader, max int) ([]byte, error) {
	n, err := binary.ReadUvarint(r)
	switch {
	case err != nil:
		return nil, err
	case n == 0:
		return nil, errEmptyFrame
	case n > uint64(max):
		return nil, fmt.Errorf("the peer announced a frame of %d bytes, at most %d are allowed", n, max)
	}
	frame := make([]byte, min(int(n), firstPiece))
	for read := 0; ; {
		m, err := io.ReadFull(r, frame[read:])
		if err != nil {
			return nil, err
		}
		if read += m; read == int(n) {
			return frame, nil
		}
		longer := make([]byte, min(int(n), 2*len(frame)))
		copy(longer, frame)
		frame = longer
	}
}

// writeFrame writes what readFrame reads.
func writeFrame(w *bufio.Writer, frame []byte) error {
	var prefix [binary.MaxVarintLen64]byte
	n := binary.PutUvarint(prefix[:], uint64(len(frame)))
	if _, err := w.Write(prefix[:n]); err != nil {
		return err
	}
	_, err := w.Write(frame)
	return err
}
