package signlog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reevenet/reeve/internal/core/signbytes"
)

// logFile writes a file as a signer does: a first part, then commits of one to three records, each but the last marked.
func logFile(t testing.TB, commits int) (data []byte, ends []int64) {
	m := NewMemory(DefaultLimits)
	for i := range uint64(3) {
		mustAdmit(t, m, i)
	}
	data, tail := Encode(Header{Epoch: 3, Key: [32]byte{1}, Host: hash(2), Chain: hash(3)}, m)
	ends = append(ends, tail.Offset)
	for c := range commits {
		var batch []Record
		for range c%3 + 1 {
			batch = append(batch, mustAdmit(t, m, m.Records()))
		}
		mark, at := tail.Mark(c)
		copy(data[at:], mark)
		var frame []byte
		frame, tail = tail.Frame(batch)
		data = append(data, frame...)
		ends = append(ends, tail.Offset)
	}
	return data, ends
}

func mustAdmit(t testing.TB, m *Memory, height uint64) Record {
	rec, _, err := m.Admit(blockAt(height, 0, 1))
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

func TestAFileIsReadAsItWasWritten(t *testing.T) {
	data, ends := logFile(t, 5)
	f, err := Decode(data, DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	want := Header{Epoch: 3, Key: [32]byte{1}, Host: hash(2), Records: 3, Chain: hash(3), Witnessed: true}
	if diff := cmp.Diff(want, f.Header); diff != "" {
		t.Errorf("header (-want +got):\n%s", diff)
	}
	if f.Memory.Records() != 12 || f.Memory.Remembered() != 12 || f.Tail.Offset != ends[5] || f.Torn != 0 {
		t.Errorf(
			"%d records, %d remembered, tail %d, torn %d", f.Memory.Records(), f.Memory.Remembered(), f.Tail.Offset,
			f.Torn,
		)
	}
}

// The last commit isn't marked yet: cut anywhere, or with zeros in the place of its data, it is left out, and all
// before it is there.
func TestAnUnfinishedCommitIsCutOff(t *testing.T) {
	data, ends := logFile(t, 5)
	from, to := ends[4], ends[5]
	for cut := from; cut < to; cut++ {
		zeros := slices.Concat(data[:cut], make([]byte, to-cut))
		front := slices.Concat(data[:from], make([]byte, cut-from+1), data[cut+1:])
		for _, torn := range [][]byte{data[:cut], zeros, front} {
			if slices.Equal(torn, data) {
				continue // what was cut off was zeros
			}
			f, err := Decode(torn, DefaultLimits)
			begun := len(bytes.TrimRight(torn[from:], "\x00"))
			if err != nil || f.Tail.Offset != from || f.Memory.Records() != 10 || f.Torn != begun {
				t.Fatalf("cut at %d of %d..%d: %+v, %v", cut, from, to, f, err)
			}
		}
	}
}

func TestATruncatedFileIsDamage(t *testing.T) {
	data, ends := logFile(t, 5)
	for cut := range ends[4] { // the mark says that four commits are durable
		if _, err := Decode(data[:cut], DefaultLimits); !isDamage(err) {
			t.Fatalf("truncated to %d of %d bytes: %v", cut, len(data), err)
		}
	}
}

// Every single bit of the file is flipped: either that is noticed, or nothing is lost by it (a mark has a twin).
func TestEveryFlippedBitIsNoticed(t *testing.T) {
	data, ends := logFile(t, 6)
	mark, at := Tail{Offset: ends[6]}.Mark(6)
	copy(data[at:], mark) // all is durable
	flips := 0
	for i := range 8 * len(data) {
		data[i/8] ^= 1 << (i % 8)
		f, err := Decode(data, DefaultLimits)
		inMark := i/8 >= markAt && i/8 < framesAt
		if !isDamage(err) && !(inMark && err == nil && f.Memory.Records() == 15) {
			t.Fatalf("bit %d of byte %d: %v", i%8, i/8, err)
		}
		data[i/8] ^= 1 << (i % 8)
		flips++
	}
	t.Logf("%d flips", flips)
	if flips < 10_000 {
		t.Errorf("only %d flips", flips)
	}
}

func TestAZeroedPageIsNoticed(t *testing.T) {
	data, ends := logFile(t, 60)
	mark, at := Tail{Offset: ends[60]}.Mark(60)
	copy(data[at:], mark)
	for page := 0; page+512 <= len(data); page += 512 {
		copied := slices.Clone(data)
		clear(copied[page : page+512])
		f, err := Decode(copied, DefaultLimits)
		inMark := page >= markAt && page < framesAt
		if !isDamage(err) && !(inMark && err == nil && f.Memory.Records() == 123) {
			t.Fatalf("zeros from byte %d: %v", page, err)
		}
	}
}

func TestCommitsCantBeMovedOrTakenOut(t *testing.T) {
	data, ends := logFile(t, 5)
	part := func(i int) []byte { return data[ends[i]:ends[i+1]] }
	head := data[:ends[0]]
	for name, file := range map[string][]byte{
		"swapped":   slices.Concat(head, part(1), part(0), part(2), part(3), part(4)),
		"taken out": slices.Concat(head, part(0), part(2), part(3), part(4)),
		"doubled":   slices.Concat(data, part(4)),
	} {
		if _, err := Decode(file, DefaultLimits); !isDamage(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAFileThatContradictsItselfIsDamage(t *testing.T) {
	data, tail := Encode(Header{}, NewMemory(DefaultLimits))
	one, two := blockAt(1, 0, 1), blockAt(1, 0, 2)
	a, _ := one.Encode()
	b, _ := two.Encode()
	frame, _ := tail.Frame([]Record{{1, a}, {2, b}})
	if _, err := Decode(append(data, frame...), DefaultLimits); !isDamage(err) {
		t.Error(err)
	}
}

// A large memory takes several frames, and still fits.
func TestALongFile(t *testing.T) {
	limits := DefaultLimits
	limits.BlocksPerChain = 20_000
	m := NewMemory(limits)
	for h := range uint64(10_000) {
		mustAdmit(t, m, h)
	}
	if got := reread(t, m, limits); got.Records() != 10_000 {
		t.Errorf("%d records", got.Records())
	}
}

func isDamage(err error) bool {
	var d *DamageError
	return errors.As(err, &d)
}

func FuzzDecode(f *testing.F) {
	data, _ := logFile(f, 3)
	f.Add(data, 0, byte(0))
	f.Add(data[:framesAt], 0, byte(0))
	f.Add(votesFile(f), 0, byte(0))
	f.Fuzz(func(t *testing.T, data []byte, at int, flip byte) {
		if len(data) > 0 && at >= 0 {
			data = slices.Clone(data)
			data[at%len(data)] ^= flip
		}
		file, err := Decode(data, DefaultLimits)
		if err != nil {
			if !isDamage(err) {
				t.Fatalf("an error of another kind: %v", err)
			}
			return
		}
		again, err := Decode(encode(file), DefaultLimits)
		if err != nil || again.Memory.Records() != file.Memory.Records() ||
			again.Memory.Remembered() != file.Memory.Remembered() {
			t.Fatalf("written anew it isn't the same: %v", err)
		}
	})
}

// votesFile is a file of a height with many rounds, whose lock lies below its floor.
func votesFile(t testing.TB) []byte {
	m := NewMemory(Limits{Chains: 1, VotesPerChain: 2})
	for r := range uint32(9) {
		block := byte(0)
		if r == 1 {
			block = 1
		}
		if _, _, err := m.Admit(ballot(3, r, signbytes.Commit, block)); err != nil {
			t.Fatal(err)
		}
	}
	data, _ := Encode(Header{}, m)
	return data
}

// The file was written by a program that knew no votes. It has forgotten some blocks, and remembers others, a statement
// and a bitfield.
func TestAFileFromBeforeThereWereVotes(t *testing.T) {
	data, err := os.ReadFile("testdata/version1.log")
	if err != nil {
		t.Fatal(err)
	}
	f, err := Decode(data, DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	m := f.Memory
	if height, votes := m.Ballots(1, hash(1)); height != 0 || votes != nil || m.Turns() != nil {
		t.Errorf("it has %d votes at height %d", len(votes), height)
	}
	var pruned *PrunedError
	var conflict *ConflictError
	if _, _, err := m.Admit(blockAt(1, 0, 2)); !errors.As(err, &pruned) {
		t.Errorf("what it had forgotten: %v", err)
	}
	for _, p := range []signbytes.Payload{blockAt(8, 0, 2), bits(1, 2), says(signbytes.Invalid, 1, 1)} {
		if _, _, err := m.Admit(p); !errors.As(err, &conflict) {
			t.Errorf("%s, against what it remembers: %v", p, err)
		}
	}
	if rec, isNew, err := m.Admit(blockAt(8, 0, 1)); err != nil || isNew || rec.Seq != 9 {
		t.Errorf("asked for again: %+v, %v, %v", rec, isNew, err)
	}
	admit(t, m, ballot(9, 0, signbytes.Prepare, 1))
	if height, votes := reread(t, m, DefaultLimits).Ballots(1, hash(1)); height != 9 || len(votes) != 1 {
		t.Errorf("%d votes at height %d", len(votes), height)
	}
}

func TestAFileOfALaterVersionIsLeftAlone(t *testing.T) {
	data, _ := logFile(t, 1)
	binary.BigEndian.PutUint32(data[len(fileMagic):], fileVersion+1)
	binary.BigEndian.PutUint32(data[sector-4:], checksum(data[:sector-4]))
	_, err := Decode(data, DefaultLimits)
	if !isDamage(err) || !strings.Contains(err.Error(), "program that wrote it") {
		t.Error(err)
	}
}

func encode(f *File) []byte {
	data, _ := Encode(f.Header, f.Memory)
	return data
}
