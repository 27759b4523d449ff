package signlog

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
)

func hash(b byte) primitives.Hash { return primitives.Hash{b} }

func blockAt(height, slot uint64, body byte) signbytes.Block {
	return signbytes.Block{NetworkID: 1, ChainID: hash(1), Height: height, Slot: slot, BodyHash: hash(body)}
}

func says(v signbytes.Verdict, parent, candidate byte) signbytes.Statement {
	return signbytes.Statement{
		Context:   signbytes.Context{Session: 1, RelayParent: hash(parent)},
		Verdict:   v,
		Candidate: hash(candidate),
	}
}

func ballot(height uint64, round uint32, phase signbytes.Phase, block byte) signbytes.Vote {
	return signbytes.Vote{
		NetworkID: 1,
		ChainID:   hash(1),
		Height:    height,
		Round:     round,
		Phase:     phase,
		Block:     hash(block),
	}
}

func bits(parent, b byte) signbytes.Bitfield {
	return signbytes.Bitfield{
		Context: signbytes.Context{Session: 1, RelayParent: hash(parent)},
		Length:  8,
		Bits:    []byte{b},
	}
}

// Each story is a list of requests; those marked are refused as a conflict with the first.
func TestRules(t *testing.T) {
	otherTime, otherParent, otherChain, otherNetwork := blockAt(
		5,
		0,
		1,
	), blockAt(
		5,
		0,
		1,
	), blockAt(
		5,
		0,
		2,
	), blockAt(
		5,
		0,
		2,
	)
	otherTime.Time, otherParent.ParentID, otherChain.ChainID, otherNetwork.NetworkID = 1, hash(9), hash(2), 2
	elsewhere := says(signbytes.Valid, 1, 1)
	elsewhere.Session = 2
	for name, c := range map[string]struct {
		first, then signbytes.Payload
		conflict    bool
	}{
		"another body at the same height and slot":   {blockAt(5, 0, 1), blockAt(5, 0, 2), true},
		"another time at the same height and slot":   {blockAt(5, 0, 1), otherTime, true},
		"another parent at the same height and slot": {blockAt(5, 0, 1), otherParent, true},
		"another block in a later slot":              {blockAt(5, 0, 1), blockAt(5, 1, 2), false},
		"a block at the next height":                 {blockAt(5, 0, 1), blockAt(6, 0, 1), false},
		"a block at a lower height, above any floor": {blockAt(5, 0, 1), blockAt(4, 0, 1), false},
		"a block of another chain":                   {blockAt(5, 0, 1), otherChain, false},
		"a block of another network":                 {blockAt(5, 0, 1), otherNetwork, false},
		"seconding two candidates at a relay parent": {
			says(signbytes.Seconded, 1, 1), says(signbytes.Seconded, 1, 2), true,
		},
		"seconding one at each of two relay parents": {
			says(signbytes.Seconded, 1, 1), says(signbytes.Seconded, 2, 2), false,
		},
		"seconding one and calling another valid": {
			says(signbytes.Seconded, 1, 1), says(signbytes.Valid, 1, 2), false,
		},
		"calling valid what was seconded": {
			says(signbytes.Seconded, 1, 1), says(signbytes.Valid, 1, 1), true,
		},
		"calling invalid what was seconded": {
			says(signbytes.Seconded, 1, 1), says(signbytes.Invalid, 1, 1), true,
		},
		"calling invalid what was valid": {
			says(signbytes.Valid, 1, 1), says(signbytes.Invalid, 1, 1), true,
		},
		"calling valid what was invalid": {
			says(signbytes.Invalid, 1, 1), says(signbytes.Valid, 1, 1), true,
		},
		"seconding what was called valid": {
			says(signbytes.Valid, 1, 1), says(signbytes.Seconded, 1, 1), true,
		},
		"the same verdict in another session":            {says(signbytes.Valid, 1, 1), elsewhere, true},
		"two bitfields at a relay parent":                {bits(1, 1), bits(1, 2), true},
		"a bitfield at another relay parent":             {bits(1, 1), bits(2, 2), false},
		"a bitfield and a statement at one relay parent": {bits(1, 1), says(signbytes.Seconded, 1, 1), false},
		"two votes in a phase of a round": {
			ballot(5, 1, signbytes.Prepare, 1), ballot(5, 1, signbytes.Prepare, 2), true,
		},
		"a vote for a block and one for none": {
			ballot(5, 1, signbytes.Commit, 1), ballot(5, 1, signbytes.Commit, 0), true,
		},
		"the other phase of the round": {
			ballot(5, 1, signbytes.Prepare, 1), ballot(5, 1, signbytes.Commit, 2), false,
		},
		"a vote in the next round": {
			ballot(5, 1, signbytes.Commit, 1), ballot(5, 2, signbytes.Prepare, 2), false,
		},
		"a block and a vote for another one": {blockAt(5, 0, 1), ballot(5, 0, signbytes.Prepare, 2), false},
		"two collations of a para": {
			signbytes.Collation{ParaID: 1}, signbytes.Collation{ParaID: 1, ParaHead: hash(1)}, true,
		},
		"collations of two paras": {
			signbytes.Collation{ParaID: 1}, signbytes.Collation{ParaID: 2}, false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := NewMemory(DefaultLimits)
			first := admit(t, m, c.first)
			rec, isNew, err := m.Admit(c.then)
			var conflict *ConflictError
			switch {
			case c.conflict && !errors.As(err, &conflict):
				t.Fatalf("it was admitted as record %d, %v", rec.Seq, err)
			case c.conflict && (conflict.Before.Seq != first.Seq || !strings.Contains(err.Error(), c.first.String())):
				t.Fatalf("the refusal doesn't tell of %s: %v", c.first, err)
			case !c.conflict && (err != nil || !isNew || rec.Seq != 2):
				t.Fatalf("it was refused: %+v, %v, %v", rec, isNew, err)
			}
			again, isNew, err := m.Admit(c.first)
			if err != nil || isNew || again.Seq != first.Seq {
				t.Errorf("the first, asked for again: %+v, %v, %v", again, isNew, err)
			}
		})
	}
}

func TestAPayloadWithoutAnEncodingIsRefused(t *testing.T) {
	m := NewMemory(DefaultLimits)
	if _, _, err := m.Admit(signbytes.Statement{}); !errors.Is(err, signbytes.ErrMalformed) || m.Records() != 0 {
		t.Fatalf("%v, %d records", err, m.Records())
	}
}

func TestOldBlocksAreForgottenAndThenRefused(t *testing.T) {
	m := NewMemory(Limits{Chains: 2, BlocksPerChain: 10})
	for h := range uint64(21) {
		admit(t, m, blockAt(h, 0, 1))
	}
	if m.Remembered() != 10 {
		t.Fatalf("%d of 21 blocks are remembered, want the latest 10", m.Remembered())
	}
	for h := range uint64(21) {
		for _, slot := range []uint64{0, 1} {
			_, _, err := m.Admit(blockAt(h, slot, 2))
			var pruned *PrunedError
			var conflict *ConflictError
			below := h < 10 || h == 10 && slot == 0 // the floor is height 10, slot 0
			if below != errors.As(err, &pruned) || !below && slot == 0 && !errors.As(err, &conflict) ||
				!below && slot == 1 && err != nil {
				t.Errorf("height %d, slot %d: %v", h, slot, err)
			}
		}
	}
}

// A stalled network goes through many slots at one height; that must not use up the height.
func TestManySlotsAtOneHeight(t *testing.T) {
	m := NewMemory(Limits{Chains: 1, BlocksPerChain: 4})
	for slot := range uint64(1000) {
		admit(t, m, blockAt(7, slot, 1))
	}
	if m.Remembered() > 8 {
		t.Errorf("%d blocks are remembered", m.Remembered())
	}
}

func TestOneChainTooMany(t *testing.T) {
	m := NewMemory(Limits{Chains: 1, BlocksPerChain: 4})
	admit(t, m, blockAt(1, 0, 1))
	other := blockAt(1, 0, 1)
	other.ChainID = hash(2)
	var full *FullError
	if _, _, err := m.Admit(other); !errors.As(err, &full) {
		t.Errorf("a second chain: %v", err)
	}
}

func TestOldSessionsAreForgottenAndTheLastOneNever(t *testing.T) {
	m := NewMemory(Limits{VoteBytes: 10 * (77 + recordOverhead)})
	vote := func(session uint32, candidate byte) signbytes.Statement {
		return signbytes.Statement{
			Context:   signbytes.Context{Session: session},
			Verdict:   signbytes.Valid,
			Candidate: hash(candidate),
		}
	}
	for i := range byte(6) {
		admit(t, m, vote(1, i))
	}
	for i := range byte(4) {
		admit(t, m, vote(2, 100+i))
	}
	admit(t, m, vote(2, 200)) // session 1 must go
	if m.Remembered() != 5 {
		t.Fatalf("%d statements are remembered, want the 5 of session 2", m.Remembered())
	}
	var pruned *PrunedError
	if _, _, err := m.Admit(vote(1, 3)); !errors.As(err, &pruned) {
		t.Errorf("a statement of the forgotten session: %v", err)
	}
	for i := range byte(5) {
		admit(t, m, vote(2, 150+i))
	}
	var full *FullError
	if _, _, err := m.Admit(vote(2, 250)); !errors.As(err, &full) {
		t.Errorf("one statement more than fit in a session: %v", err)
	}
	admit(t, m, vote(3, 1))
}

func TestCollationsAreForgottenInTheirOrder(t *testing.T) {
	m := NewMemory(Limits{Collations: 3})
	for para := range uint32(5) {
		admit(t, m, signbytes.Collation{ParaID: para})
	}
	if m.Remembered() != 3 {
		t.Errorf("%d collations are remembered", m.Remembered())
	}
}

// Whatever is asked for, in whatever order, with whatever forgotten and however often the file is read again: of all
// that was ever admitted, no two contradict each other.
func TestNothingAdmittedContradicts(t *testing.T) {
	limits := Limits{Chains: 2, BlocksPerChain: 3, VotesPerChain: 2, VoteBytes: 8 * 400, Collations: 100}
	rapid.Check(t, func(t *rapid.T) {
		m := NewMemory(limits)
		ever := map[place][]byte{}
		for range rapid.IntRange(1, 120).Draw(t, "requests") {
			if rapid.IntRange(0, 9).Draw(t, "reread") == 0 {
				m = reread(t, m, limits)
			}
			p := anyPayload(t)
			rec, _, err := m.Admit(p)
			if err != nil {
				continue
			}
			for _, at := range placesOf(p) {
				if before, taken := ever[at]; taken && string(before) != string(rec.Payload) {
					t.Fatalf("both were admitted:\n%s\n%s", describe(before), describe(rec.Payload))
				}
				ever[at] = rec.Payload
			}
		}
	})
}

func anyPayload(t *rapid.T) signbytes.Payload {
	small := rapid.ByteRange(0, 3)
	context := signbytes.Context{
		Session:     rapid.Uint32Range(0, 4).Draw(t, "session"),
		RelayParent: hash(small.Draw(t, "relay parent")),
	}
	context.RelayParent[1] = byte(context.Session) // a relay parent is of one session
	switch rapid.IntRange(1, 4).Draw(t, "kind") {
	case 1:
		return blockAt(
			rapid.Uint64Range(0, 12).Draw(t, "height"),
			rapid.Uint64Range(0, 2).Draw(t, "slot"),
			small.Draw(t, "body"),
		)
	case 2:
		candidate := hash(small.Draw(t, "candidate"))
		// a candidate is of one relay parent
		candidate[1], candidate[2] = context.RelayParent[0], context.RelayParent[1]
		return signbytes.Statement{
			Context:   context,
			Verdict:   signbytes.Verdict(rapid.IntRange(1, 3).Draw(t, "verdict")),
			Candidate: candidate,
		}
	case 3:
		return anyBallot(t, position{rapid.Uint64Range(0, 4).Draw(t, "last height"), 0})
	}
	return signbytes.Bitfield{Context: context, Length: 8, Bits: []byte{small.Draw(t, "bits")}}
}

func reread(t interface{ Fatal(...any) }, m *Memory, limits Limits) *Memory {
	data, _ := Encode(Header{}, m)
	f, err := Decode(data, limits)
	if err != nil {
		t.Fatal(err)
	}
	if f.Memory.Records() != m.Records() || f.Memory.Remembered() != m.Remembered() {
		t.Fatal("read again, it remembers something else")
	}
	return f.Memory
}

func admit(t *testing.T, m *Memory, p signbytes.Payload) Record {
	t.Helper()
	rec, isNew, err := m.Admit(p)
	if err != nil || !isNew {
		t.Fatalf("%s: new %v, %v", p, isNew, err)
	}
	return rec
}

// The floor that an operator sets holds for chains that the log has never heard of, and after the file was read again.
func TestAFloorForAllChains(t *testing.T) {
	m := NewMemory(DefaultLimits)
	admit(t, m, blockAt(5, 0, 1))
	m.RefuseHeight(7)
	m.RefuseHeight(6) // lower: nothing changes
	m = reread(t, m, DefaultLimits)
	unknown := blockAt(7, 3, 1)
	unknown.ChainID = hash(2)
	for _, b := range []signbytes.Block{blockAt(5, 0, 1), blockAt(7, 9, 1), unknown} {
		var pruned *PrunedError
		if _, _, err := m.Admit(b); !errors.As(err, &pruned) {
			t.Errorf("%s: %v", b, err)
		}
	}
	admit(t, m, blockAt(8, 0, 1))
}
