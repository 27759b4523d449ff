package parachecker

import (
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/core/erasure"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/parachain"
	misbehaviorv1 "github.com/reevenet/reeve/proto/reeve/misbehaviorarbitration/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	provisionerv1 "github.com/reevenet/reeve/proto/reeve/provisioner/v1"
)

// A candidate that goes the way that it should: nothing is found.
func TestAGoodLifeIsFoundGood(t *testing.T) {
	w := newWorld(t)
	whole := word(0, signbytes.Seconded, idOf(w.made))
	whole.Statement.Kind = &primitivesv1.Statement_Seconded{Seconded: parachain.CommittedMessage(w.made)}
	w.Started(0, "candidate-backing", parent)
	w.Worked(0, "candidate-backing", parent, time.Second)
	w.Said(parent, whole)
	w.Said(parent, word(1, signbytes.Valid, idOf(w.made)))
	w.Stored(0, idOf(w.made), true)
	w.Proposed(block(&provisionerv1.InherentData{
		BackedCandidates: []*primitivesv1.BackedCandidate{backed(w.made, 0, 1)}}))
	included := w.includes(0, 1, 2)
	w.Claimed(next, bitfield(0, next, 0))
	w.Stopped(0, "candidate-backing", parent, 2*time.Second)
	w.Worked(0, "candidate-backing", parent, 3*time.Second)
	w.Ran(0, "seccomp")
	due := w.Due(0)
	for _, d := range due {
		if d.Data {
			w.ReadData(d, w.data)
			continue
		}
		c := w.chunk(d.Validator)
		w.ReadChunk(d, &c)
	}
	if len(due) < 4 || len(included) != 1 || len(w.Included()) != 1 || len(w.DueOf(2)) != 0 {
		t.Errorf("%v are due, %v are included", due, included)
	}
	w.Recovered(included[0], []erasure.Chunk{w.chunk(0), w.chunk(1), w.chunk(2)})
	w.finds("", "")
}

// What a liar does is no violation, as long as nothing comes of it; nor is what nobody has signed.
func TestWhatLiarsDoIsNotFound(t *testing.T) {
	w := newWorld(t)
	other := idOf(w.receipt(7, "another"))
	w.Said(parent, word(liar, signbytes.Seconded, idOf(w.made)))
	w.Said(parent, word(liar, signbytes.Seconded, other))
	w.Said(parent, word(liar, signbytes.Invalid, other))
	forged := word(0, signbytes.Seconded, other)
	forged.Signature[0] ^= 1
	w.Said(parent, word(0, signbytes.Seconded, idOf(w.made)))
	w.Said(parent, forged)
	w.Learn(facts(next, &w.made))
	w.Claimed(next, bitfield(liar, next, 0))
	w.Stored(liar, other, true)
	if due := w.Due(0); len(due) != 1 {
		t.Errorf("%v are due", due)
	}
	w.Reported(double(t, liar, idOf(w.made), other, w))
	w.finds("", "")
}

// A block beside one that was accepted may report the same: neither knows of the other.
func TestABlockBesideAnotherMayReportTheSame(t *testing.T) {
	w := newWorld(t)
	b := block(&provisionerv1.InherentData{MisbehaviorReports: []*misbehaviorv1.MisbehaviorReport{
		double(t, liar, idOf(w.made), idOf(w.receipt(7, "another")), w)}})
	w.Accepted(b)
	w.Proposed(Block{ID: code, Parent: b.Parent, Height: b.Height, Inherent: b.Inherent})
	w.Learn(facts(code, nil))
	w.Proposed(Block{ID: next, Parent: code, Height: b.Height + 1, Inherent: b.Inherent})
	w.finds("", "")
}

// double is a report of who has seconded two candidates.
func double(t *testing.T, v uint32, a, b primitives.Hash, w *world) *misbehaviorv1.MisbehaviorReport {
	t.Helper()
	short, err := w.made.Receipt()
	if err != nil {
		t.Fatal(err)
	}
	return &misbehaviorv1.MisbehaviorReport{
		Context: parachain.ContextMessage(signbytes.Context{Session: session, RelayParent: parent}),
		Kind: &misbehaviorv1.MisbehaviorReport_DoubleVote{DoubleVote: &misbehaviorv1.DoubleVote{
			Receipt: parachain.ReceiptMessage(short), First: word(v, signbytes.Seconded, a),
			Second: word(v, signbytes.Seconded, b),
		}},
	}
}

// disagreement is a report of those who disagree about the candidate.
func disagreement(w *world, said ...*primitivesv1.SignedStatement) *misbehaviorv1.MisbehaviorReport {
	short, _ := w.made.Receipt()
	return &misbehaviorv1.MisbehaviorReport{
		Context: parachain.ContextMessage(signbytes.Context{Session: session, RelayParent: parent}),
		Kind: &misbehaviorv1.MisbehaviorReport_CandidateValidityDisagreement{
			CandidateValidityDisagreement: &misbehaviorv1.CandidateValidityDisagreement{
				Receipt: parachain.ReceiptMessage(short), Statements: said}},
	}
}

// Each invariant is found broken when it is.
func TestEachViolationIsFound(t *testing.T) {
	candidates := func(list ...*primitivesv1.BackedCandidate) Block {
		return block(&provisionerv1.InherentData{BackedCandidates: list})
	}
	for name, c := range map[string]struct {
		invariant, words string
		happens          func(w *world)
	}{
		"a quorum that is none": {"P1", "has 1 votes, and needs 2", func(w *world) {
			w.Accepted(candidates(backed(w.made, 0)))
		}},
		"a vote that wasn't given": {"P1", "hasn't signed", func(w *world) {
			b := backed(w.made, 0, 1)
			b.GetVotes()[1].GetExplicit()[0] ^= 1
			w.Accepted(candidates(b))
		}},
		"an invalid vote counted": {"P1", "hasn't signed", func(w *world) {
			b := backed(w.made, 0, 1)
			s := says(1, signbytes.Invalid, idOf(w.made))
			b.Votes[1].Kind = &primitivesv1.ValidityAttestation_Explicit{Explicit: s.Signature[:]}
			w.Proposed(candidates(b))
		}},
		"votes of another group": {"P1", "of a group of 1", func(w *world) {
			w.Accepted(candidates(backed(w.receipt(8, "a block"), 0, 1)))
		}},
		"two seconded": {"P2", "has seconded", func(w *world) {
			w.Said(parent, word(0, signbytes.Seconded, idOf(w.made)))
			w.Said(parent, word(0, signbytes.Seconded, idOf(w.receipt(7, "another"))))
		}},
		"seconded and valid": {"P2", "says both", func(w *world) {
			w.Said(parent, word(0, signbytes.Seconded, idOf(w.made)))
			w.Said(parent, word(0, signbytes.Valid, idOf(w.made)))
		}},
		"two bitfields": {"P2", "two bitfields", func(w *world) {
			w.Learn(facts(next, &w.made))
			w.Claimed(next, bitfield(0, next, 0))
			w.Claimed(next, bitfield(0, next))
		}},
		"too few claims": {"P3", "2 of 4 validators", func(w *world) { w.includes(0, 1) }},
		"a claim twice over": {"P3", "2 of 4 validators", func(w *world) {
			w.Learn(facts(next, &w.made))
			w.Accepted(Block{ID: parent, Parent: next, Inherent: &provisionerv1.InherentData{
				Bitfields: []*primitivesv1.SignedAvailabilityBitfield{bitfield(0, next, 0), bitfield(1, next, 0)}}})
			w.includes(0, 1)
		}},
		"a claimed chunk that isn't there": {"P4", "can't read its chunk", func(w *world) {
			w.Learn(facts(next, &w.made))
			w.Claimed(next, bitfield(0, next, 0))
			w.ReadChunk(w.Due(0)[0], nil)
		}},
		"a claimed chunk that proves nothing": {"P4", "another chunk", func(w *world) {
			w.Learn(facts(next, &w.made))
			w.Claimed(next, bitfield(0, next, 0))
			c := w.chunk(0)
			c.Bytes = append([]byte{c.Bytes[0] ^ 1}, c.Bytes[1:]...)
			w.ReadChunk(w.Due(0)[0], &c)
		}},
		"a claim of an empty core": {"P4", "nothing is on it", func(w *world) {
			w.Claimed(parent, bitfield(0, parent, 1))
		}},
		"acknowledged data that is lost": {"P5", "can't read the data", func(w *world) {
			w.Stored(0, idOf(w.made), true)
			w.ReadData(w.Due(0)[0], nil)
		}},
		"an acknowledged chunk that is lost": {"P5", "can't read its chunk", func(w *world) {
			w.Stored(0, idOf(w.made), false)
			w.ReadChunk(w.Due(0)[0], nil)
		}},
		"signed for without the data": {"P5", "other data", func(w *world) {
			w.note(w.made)
			w.Said(parent, word(0, signbytes.Valid, idOf(w.made)))
			w.make("another block")
			w.ReadData(w.Due(0)[0], w.data)
		}},
		"too few chunks": {"P6", "1 of its chunks; it takes 2", func(w *world) {
			w.Recovered(w.includes(0, 1, 2)[0], []erasure.Chunk{w.chunk(0)})
		}},
		"chunks of no data": {"P6", "can't be recovered", func(w *world) {
			id := w.includes(0, 1, 2)[0]
			root, chunks := w.mixed()
			w.fate(id).receipt.Descriptor.Collation.ErasureRoot = root
			w.Recovered(id, chunks)
		}},
		"an included block that is invalid": {"P7", "its code finds it invalid", func(w *world) {
			w.make("garbage")
			w.Recovered(w.includes(0, 1, 2)[0], []erasure.Chunk{w.chunk(0), w.chunk(1)})
		}},
		"an included block that yields something else": {"P7", "yields something else", func(w *world) {
			w.made.Commitments.UpwardMessages = [][]byte{{1}}
			w.Recovered(w.includes(0, 1, 2)[0], []erasure.Chunk{w.chunk(0), w.chunk(1)})
		}},
		"an included block that an honest validator found invalid": {"P7", "finds it invalid", func(w *world) {
			w.Judged(2, idOf(w.made), false)
			w.includes(0, 1, 2)
		}},
		"two judgements": {"P7", "differently", func(w *world) {
			w.Said(parent, word(0, signbytes.Valid, idOf(w.made)))
			w.Said(parent, word(1, signbytes.Invalid, idOf(w.made)))
		}},
		"an honest validator blamed": {"P8", "honest validator 0 is blamed for a double vote", func(w *world) {
			w.Reported(double(w.t, 0, idOf(w.made), idOf(w.receipt(7, "another")), w))
		}},
		"an honest validator outvoted": {"P8", "outvoted", func(w *world) {
			w.Reported(disagreement(w, word(0, signbytes.Seconded, idOf(w.made)),
				word(liar, signbytes.Valid, idOf(w.made)), word(1, signbytes.Invalid, idOf(w.made))))
		}},
		"an offence twice": {"P8", "charged twice", func(w *world) {
			a, b := idOf(w.made), idOf(w.receipt(7, "another"))
			w.Accepted(block(&provisionerv1.InherentData{MisbehaviorReports: []*misbehaviorv1.MisbehaviorReport{
				double(w.t, liar, a, b, w), double(w.t, liar, a, idOf(w.receipt(7, "a third")), w)}}))
		}},
		"a bitfield twice": {"P9", "after that of 0", func(w *world) {
			w.Learn(facts(next, &w.made))
			w.Proposed(Block{ID: parent, Parent: next, Inherent: &provisionerv1.InherentData{
				Bitfields: []*primitivesv1.SignedAvailabilityBitfield{bitfield(0, next, 0), bitfield(0, next, 0)}}})
		}},
		"a bitfield that wasn't signed": {"P9", "hasn't signed", func(w *world) {
			w.Learn(facts(next, &w.made))
			w.Proposed(Block{ID: parent, Parent: next, Inherent: &provisionerv1.InherentData{
				Bitfields: []*primitivesv1.SignedAvailabilityBitfield{bitfield(0, parent, 0)}}})
		}},
		"two candidates for a core": {"P9", "for core 0 after one for core 0", func(w *world) {
			w.Proposed(candidates(backed(w.made, 0, 1), backed(w.receipt(7, "another"), 0, 1)))
		}},
		"a candidate of another relay parent": {"P9", "of another relay parent", func(w *world) {
			w.Learn(facts(next, nil))
			w.Proposed(Block{ID: parent, Parent: next, Inherent: &provisionerv1.InherentData{
				BackedCandidates: []*primitivesv1.BackedCandidate{backed(w.made, 0, 1)}}})
		}},
		"a report of nothing": {"P9", "that is none", func(w *world) {
			w.Proposed(block(&provisionerv1.InherentData{MisbehaviorReports: []*misbehaviorv1.MisbehaviorReport{{}}}))
		}},
		"a report again": {"P9", "what is recorded", func(w *world) {
			r := double(w.t, liar, idOf(w.made), idOf(w.receipt(7, "another")), w)
			b := block(&provisionerv1.InherentData{MisbehaviorReports: []*misbehaviorv1.MisbehaviorReport{r}})
			w.Accepted(b)
			w.Learn(facts(next, nil))
			w.Accepted(Block{ID: parent, Parent: next, Height: 10, Inherent: b.Inherent})
		}},
		"work after the end": {"P10", "2s after its end", func(w *world) {
			w.Stopped(1, "bitfield-signing", parent, time.Second)
			w.Worked(1, "bitfield-signing", parent, 3*time.Second)
		}},
		"a dispute that ends both ways": {"P11", "both ways", func(w *world) {
			w.Concluded(idOf(w.made), true)
			w.Concluded(idOf(w.made), false)
		}},
		"a disagreement that ends both ways": {"P11", "both ways", func(w *world) {
			w.Concluded(idOf(w.made), false)
			w.Reported(disagreement(w, word(0, signbytes.Seconded, idOf(w.made)),
				word(1, signbytes.Valid, idOf(w.made)), word(liar, signbytes.Invalid, idOf(w.made))))
		}},
		"code in the open": {"P12", "nothing guards", func(w *world) { w.Ran(2, "") }},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			c.happens(w)
			w.finds(c.invariant, c.words)
		})
	}
}

// mixed are chunks that belong to no data, with a root that commits to them, as a dishonest encoder makes both: what is
// hashed for a root is fixed in docs/candidates.md.
func (w *world) mixed() (root primitives.Hash, chunks []erasure.Chunk) {
	var leaves [validators]primitives.Hash
	for v := range uint32(validators) {
		c := w.chunk(v)
		if c.Bytes = slices.Clone(c.Bytes); v == 2 {
			c.Bytes[0] ^= 1
		}
		chunks, leaves[v] = append(chunks, c), primitives.HashOf(c.Bytes)
	}
	left := primitives.HashOf([]byte{1}, leaves[0][:], leaves[1][:])
	right := primitives.HashOf([]byte{1}, leaves[2][:], leaves[3][:])
	top := primitives.HashOf([]byte{1}, left[:], right[:])
	for v := range chunks {
		chunks[v].Proof = []primitives.Hash{leaves[v^1], [2]primitives.Hash{right, left}[v/2]}
	}
	sizes := binary.BigEndian.AppendUint32(nil, validators)
	sizes = binary.BigEndian.AppendUint32(sizes, uint32(len(chunks[0].Bytes)))
	return primitives.HashOf([]byte{2, byte(erasure.CodecFor(validators))}, sizes, top[:]), chunks
}
