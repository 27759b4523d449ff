package signer

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"syscall"
	"testing"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/core/signlog"
	"github.com/reevenet/reeve/internal/process/keys"
	"github.com/reevenet/reeve/internal/store/disk/simdisk"
)

// crashes is how many crashes a test makes; REEVE_CRASHES asks for a longer run.
func crashes(t *testing.T, usual int) int {
	if s := os.Getenv("REEVE_CRASHES"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatalf("REEVE_CRASHES: %v", err)
		}
		return n
	}
	return usual
}

// ledger is what the outside world has: every signature that ever left.
type ledger struct {
	key    keys.Public
	signed map[string]signbytes.Payload // by what can be signed once
	votes  map[signbytes.Vote]string    // and of these the votes, with their signatures
	seen   map[string]bool              // signatures that were checked
}

func newLedger(key keys.Public) ledger {
	return ledger{
		key: key, signed: map[string]signbytes.Payload{}, votes: map[signbytes.Vote]string{}, seen: map[string]bool{},
	}
}

// contradictions names what only one payload may be signed for. The test says it in its own words, apart from the
// signer's.
func contradictions(p signbytes.Payload) []string {
	switch p := p.(type) {
	case signbytes.Block:
		return []string{fmt.Sprintf("block %d/%d", p.Height, p.Slot)}
	case signbytes.Vote:
		return []string{fmt.Sprintf("%s at %d/%d", p.Phase, p.Height, p.Round)}
	case signbytes.Statement:
		names := []string{fmt.Sprintf("candidate %x", p.Candidate)}
		if p.Verdict == signbytes.Seconded {
			names = append(names, fmt.Sprintf("seconded at %x", p.RelayParent))
		}
		return names
	case signbytes.Bitfield:
		return []string{fmt.Sprintf("bitfield at %x", p.RelayParent)}
	}
	return nil
}

// leaves takes note of a signature that left the signer.
func (l *ledger) leaves(t *testing.T, p signbytes.Payload, s Signed) {
	t.Helper()
	encoded, _ := p.Encode()
	if s.PayloadHash != primitives.HashOf(encoded) {
		t.Fatalf("the hash of the %s is wrong", p)
	}
	l.agrees(t, p, s.Signature)
	for _, name := range contradictions(p) {
		l.signed[name] = p
	}
	if v, ok := p.(signbytes.Vote); ok {
		l.votes[v] = string(s.Signature)
	}
}

// agrees checks a signature, and that nothing that left contradicts what it signs.
func (l *ledger) agrees(t *testing.T, p signbytes.Payload, signature []byte) {
	t.Helper()
	encoded, err := p.Encode()
	if known := string(encoded) + string(signature); !l.seen[known] {
		if err != nil || !ed25519.Verify(l.key[:], encoded, signature) {
			t.Fatalf("the signature of the %s is wrong (%v)", p, err)
		}
		l.seen[known] = true
	}
	for _, name := range contradictions(p) {
		if before, ok := l.signed[name]; ok && fmt.Sprint(before) != fmt.Sprint(p) {
			t.Fatalf("two signatures that contradict each other:\n%s\n%s", before, p)
		}
	}
}

// bothSides is a client that asks for contradictory things at every turn, in an order that luck decides.
func bothSides(rng *rand.Rand, turn uint64) []signbytes.Payload {
	parent, candidate := primitives.Hash{1, byte(turn), byte(turn >> 8)},
		primitives.Hash{2, byte(turn), byte(turn >> 8)}
	context := signbytes.Context{Session: uint32(turn / 8), RelayParent: parent}
	other := candidate
	other[31] = 1
	all := []signbytes.Payload{
		signbytes.Block{Height: turn, BodyHash: primitives.Hash{1}},
		signbytes.Block{Height: turn, BodyHash: primitives.Hash{2}},
		signbytes.Statement{Context: context, Verdict: signbytes.Seconded, Candidate: candidate},
		signbytes.Statement{Context: context, Verdict: signbytes.Seconded, Candidate: other},
		signbytes.Statement{Context: context, Verdict: signbytes.Invalid, Candidate: candidate},
		signbytes.Bitfield{Context: context, Length: 4, Bits: []byte{1}},
		signbytes.Bitfield{Context: context, Length: 4, Bits: []byte{2}},
	}
	all = append(all, votesOfTurn(turn)...)
	rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:1+rng.IntN(len(all))]
}

// roundsOfHeight is how many rounds the client takes for a height: more than are remembered, but for the lock.
const roundsOfHeight = 9

// votesOfTurn are both phases of a round for both sides, and for none. Only the first rounds commit to a block, so that
// the lock grows old.
func votesOfTurn(turn uint64) (votes []signbytes.Payload) {
	v := signbytes.Vote{Height: 1 + turn/roundsOfHeight, Round: uint32(turn % roundsOfHeight)}
	for _, v.Phase = range []signbytes.Phase{signbytes.Prepare, signbytes.Commit} {
		for side := range byte(3) {
			v.Block = primitives.Hash{side}
			if side == 0 || v.Phase == signbytes.Prepare || v.Round < 2 {
				votes = append(votes, v)
			}
		}
	}
	return votes
}

// votesKept is how many votes a signer is made to remember.
const votesKept = 2

// world is a machine with a signer, and the luck that decides what happens to it.
type world struct {
	t      *testing.T
	rng    *rand.Rand
	disk   *simdisk.Disk
	ledger ledger
	turn   uint64
	signer *Signer
	at     map[string]int // where the crashes happened
	off    bool           // the machine has stopped
	calm   bool           // nothing happens between the signature and the answer
}

func newWorld(t *testing.T, seed uint64) *world {
	w := &world{t: t, rng: rand.New(rand.NewPCG(seed, 1)), disk: simdisk.New(seed), at: map[string]int{}}
	secret := keys.FromSeed(keys.Signing, [32]byte{byte(seed), byte(seed >> 8)})
	if err := w.config().Put(secret); err != nil {
		t.Fatal(err)
	}
	w.ledger = newLedger(secret.Public())
	return w
}

func (w *world) config() Config {
	return Config{
		Disk: w.disk.Process(), KeyFile: "/keys/signing.key", Dir: "/data", CompactAt: 3000,
		Limits: signlog.Limits{
			Chains: 1, BlocksPerChain: 8, VotesPerChain: votesKept, VoteBytes: 12_000, Collations: 1,
		},
	}
}

// step lets the client ask once more, or about the last few turns again. It returns false when the machine has stopped.
func (w *world) step() bool {
	if w.signer == nil {
		w.signer = New(w.config())
	}
	turn := w.turn - min(w.turn, w.rng.Uint64N(3))
	if w.rng.IntN(3) == 0 {
		w.turn++
	}
	if _, err := w.signer.Open(); err != nil {
		return !isOff(err)
	}
	known := w.told(w.signer)
	batch := bothSides(w.rng, turn)
	signed, _, err := w.signer.Sign(batch)
	if err != nil {
		return !isOff(err)
	}
	forward(w.t, known, batch, signed)
	if !w.calm && w.rng.IntN(20) == 0 {
		w.at["before the answer"]++
		return false // signed, and never answered
	}
	for i, s := range signed {
		if s.Err == nil {
			w.ledger.leaves(w.t, batch[i], s)
		}
	}
	return true
}

// told is what the signer tells of its votes, which takes no disk.
func (w *world) told(s *Signer) []Ballot {
	w.t.Helper()
	height, ballots, err := s.Ballots(0, primitives.Hash{})
	if err != nil {
		w.t.Fatal(err)
	}
	w.ledger.told(w.t, votesKept, height, ballots)
	return ballots
}

// crash ends the process, and half of the time the power with it.
func (w *world) crash(why string) {
	w.at[why]++
	w.disk.SetFault(nil)
	w.disk.SetLimits(simdisk.Limits{})
	if !w.off && w.rng.IntN(2) == 0 {
		w.signer.config.Disk.(*simdisk.Process).Kill()
	} else {
		w.disk.Crash()
	}
	w.signer, w.off = nil, false
}

func isOff(err error) bool { return errors.Is(err, simdisk.ErrOff) }

// audit checks after a crash that every signature that left has its record: the contrary of each is refused. And every
// vote that left and matters is told.
func (w *world) audit() {
	w.t.Helper()
	s := New(w.config())
	if _, err := s.Open(); err != nil {
		w.t.Fatalf("the log can't be opened: %v", err)
	}
	w.told(s)
	w.ledger.refused(w.t, s)
	if err := s.Close(); err != nil {
		w.t.Fatal(err)
	}
}

// The machine stops at each operation of the disk in turn, in its middle, and starts again.
func TestNoContradictionWhereverTheMachineStops(t *testing.T) {
	total, at := 0, map[string]int{}
	for seed := range uint64(crashes(t, 200)/100 + 1) {
		for stop := 1; ; stop++ {
			w := newWorld(t, seed)
			w.calm = true
			from := w.disk.Ops()
			w.disk.SetFault(func(op simdisk.Op) error {
				if op.N >= from+stop {
					w.off = true
					w.at[string(op.Kind)]++
					return simdisk.ErrOff
				}
				return nil
			})
			for turns := 0; turns < 30 && w.step(); turns++ {
			}
			if !w.off {
				break
			}
			total++
			w.crash("in all")
			for range 10 {
				w.step()
			}
			w.crash("later")
			w.audit()
			for k, n := range w.at {
				at[k] += n
			}
		}
	}
	t.Logf("%d crashes at %v", total, at)
	if total < 200 {
		t.Errorf("only %d crashes", total)
	}
}

// Everything at once, for long: crashes, faults of every kind, full disks, and a client that never stops asking for
// both sides.
func TestNoContradictionUnderAnyFault(t *testing.T) {
	total, at := 0, map[string]int{}
	for seed := uint64(0); total < crashes(t, 500); seed++ {
		w := newWorld(t, seed)
		for range 10 {
			w.misfortune()
			for i := 0; i < 40 && w.step(); i++ {
			}
			w.crash("any time")
			total++
		}
		w.audit()
		for k, n := range w.at {
			at[k] += n
		}
	}
	t.Logf("%d crashes, and faults at %v", total, at)
}

// misfortune decides what will happen until the next crash.
func (w *world) misfortune() {
	faults := []error{syscall.ENOSPC, syscall.EIO, syscall.EMFILE, syscall.EROFS}
	odds := 20 + w.rng.IntN(400)
	limits := simdisk.Limits{}
	switch w.rng.IntN(6) {
	case 0:
		limits.Bytes = int64(2000 + w.rng.IntN(8000))
	case 1:
		limits.Handles = 1 + w.rng.IntN(2)
	}
	w.disk.SetLimits(limits)
	w.disk.SetFault(func(op simdisk.Op) error {
		if w.rng.IntN(odds) > 0 {
			return nil
		}
		if w.rng.IntN(4) == 0 {
			w.at["off during "+string(op.Kind)]++
			w.off = true
			return simdisk.ErrOff
		}
		err := faults[w.rng.IntN(len(faults))]
		w.at[fmt.Sprintf("%v during %s", err, op.Kind)]++
		return err
	})
}
