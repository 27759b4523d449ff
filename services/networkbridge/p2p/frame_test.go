package p2p

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"runtime"
	"testing"

	nb "github.com/reevenet/reeve/services/networkbridge"
)

func TestALyingLengthAllocatesNextToNothing(t *testing.T) {
	prefix := binary.AppendUvarint(nil, 2<<20)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := readFrame(bufio.NewReader(bytes.NewReader(append(prefix, 1, 2, 3))), 2<<20)
	runtime.ReadMemStats(&after)
	if err != io.ErrUnexpectedEOF {
		t.Errorf("error %v", err)
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 2*firstPiece {
		t.Errorf("three bytes of an announced 2 MiB took %d bytes of memory", grown)
	}
}

func TestLengthsOutsideTheRulesAreRefused(t *testing.T) {
	for name, in := range map[string][]byte{
		"nothing":          {0},
		"too long":         binary.AppendUvarint(nil, 101),
		"an endless count": bytes.Repeat([]byte{0xff}, 20),
	} {
		if f, err := readFrame(bufio.NewReader(bytes.NewReader(in)), 100); err == nil {
			t.Errorf("%s: read as a frame of %d bytes", name, len(f))
		}
	}
}

func FuzzReadFrame(f *testing.F) {
	f.Add([]byte{3, 'a', 'b', 'c'})
	f.Add(binary.AppendUvarint(nil, 1<<40))
	f.Fuzz(func(t *testing.T, in []byte) {
		r := bufio.NewReader(bytes.NewReader(in))
		for {
			frame, err := readFrame(r, 1000)
			if err != nil {
				return
			}
			if len(frame) == 0 || len(frame) > 1000 || len(frame) > len(in) {
				t.Fatalf("%d bytes gave a frame of %d", len(in), len(frame))
			}
			var again bytes.Buffer
			w := bufio.NewWriter(&again)
			writeFrame(w, frame)
			w.Flush()
			if back, err := readFrame(bufio.NewReader(&again), 1000); err != nil || !bytes.Equal(back, frame) {
				t.Fatalf("a frame came back as %d bytes, %v", len(back), err)
			}
		}
	})
}

func FuzzPreamble(f *testing.F) {
	var good bytes.Buffer
	if err := write(&good, preamble{preambleMagic, nb.LaneBulk, nonce{1}, nonce{2}}); err != nil {
		f.Fatal(err)
	}
	f.Add(good.Bytes())
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n      "))
	f.Fuzz(func(t *testing.T, in []byte) {
		p, err := readPreamble(bytes.NewReader(in))
		var again bytes.Buffer
		if err := write(&again, p); err != nil {
			t.Fatal(err)
		}
		if err == nil && (p.Lane >= nb.Lanes || !bytes.HasPrefix(in, again.Bytes())) {
			t.Fatalf("%x was read as %+v", in, p)
		}
		readReply(bytes.NewReader(in))
	})
}
