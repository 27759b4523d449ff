package parachecker

import (
	"crypto/ed25519"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/erasure"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/core/statements"
	"github.com/reevenet/reeve/internal/parachain"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	provisionerv1 "github.com/reevenet/reeve/proto/reeve/provisioner/v1"
	runtimeapiv1 "github.com/reevenet/reeve/proto/reeve/runtimeapi/v1"
	"github.com/reevenet/reeve/services/candidatevalidation/guest"
)

// The world of these stories: four validators, the last a liar; two cores; para 7 waits on the first, in whose group
// are validators 0, 1 and 3, and para 8 on the second, whose group is validator 2.
const (
	validators = 4
	liar       = 3
	session    = 6
)

var (
	parent = primitives.HashOf([]byte("parent"))
	next   = primitives.HashOf([]byte("next"))
	code   = primitives.HashOf([]byte("code"))
)

func key(v uint32) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(slices.Repeat([]byte{byte(v + 1)}, ed25519.SeedSize))
}

type world struct {
	*Checker
	t     *testing.T
	found []string
	coded erasure.Coded
	data  []byte
	made  candidate.CommittedReceipt
}

func newWorld(t *testing.T) *world {
	w := &world{t: t}
	w.Checker = New(Config{
		Honest: func(v uint32) bool { return v != liar }, InFlight: time.Second,
		Validate: func(hash primitives.Hash, raw []byte) ([]byte, error) {
			p, err := guest.DecodeParams(raw)
			if err != nil || hash != code || string(p.BlockData) != "a block" {
				return nil, errors.New("no block")
			}
			return guest.Outputs{HeadData: []byte("head")}.Encode(), nil
		},
		Violated: func(invariant, what string) { w.found = append(w.found, invariant+": "+what) },
	})
	w.Learn(facts(parent, nil))
	w.make("a block")
	return w
}

// facts are the state after a block, with a candidate on the first core or without.
func facts(at primitives.Hash, on *candidate.CommittedReceipt) *Facts {
	f := &Facts{
		RelayParent: at, Session: session, Groups: [][]uint32{{0, 1, 3}, {2}}, Rotation: primitives.Rotation{Now: 9},
		Cores: []*primitivesv1.CoreState{scheduled(7), scheduled(8)},
	}
	for v := range uint32(validators) {
		f.Validators = append(f.Validators, key(v).Public().(ed25519.PublicKey))
	}
	if on != nil {
		id, _ := on.Hash()
		core := &primitivesv1.OccupiedCore{
			Candidate: id[:], Descriptor_: parachain.DescriptorMessage(on.Descriptor),
			NextUpOnAvailable: &primitivesv1.ScheduledCore{Para: 7},
		}
		f.Cores[0] = &primitivesv1.CoreState{Kind: &primitivesv1.CoreState_Occupied{Occupied: core}}
	}
	return f
}

func scheduled(para uint32) *primitivesv1.CoreState {
	return &primitivesv1.CoreState{Kind: &primitivesv1.CoreState_Scheduled{
		Scheduled: &primitivesv1.ScheduledCore{Para: para}}}
}

// make makes the candidate that these stories are about.
func (w *world) make(pov string) {
	w.t.Helper()
	data := candidate.AvailableData{PoV: []byte(pov), ValidationData: candidate.PersistedValidationData{
		ParentHead: []byte("before"), MaxPoVSize: 1000}}
	var err error
	if w.data, err = data.Encode(); err != nil {
		w.t.Fatal(err)
	}
	if err := w.coder(validators).Encode(w.data, &w.coded); err != nil {
		w.t.Fatal(err)
	}
	w.made = w.receipt(7, pov)
}

func (w *world) receipt(para uint32, pov string) candidate.CommittedReceipt {
	data := candidate.PersistedValidationData{ParentHead: []byte("before"), MaxPoVSize: 1000}
	hash, _ := data.Hash()
	collator := key(9)
	r := candidate.CommittedReceipt{
		Descriptor: candidate.Descriptor{Collation: signbytes.Collation{
			ParaID: para, RelayParent: parent, Collator: primitives.Hash(collator.Public().(ed25519.PublicKey)),
			PersistedValidationDataHash: hash, PoVHash: candidate.PoVHash([]byte(pov)), ErasureRoot: w.coded.Root(),
			ValidationCodeHash: code, ParaHead: primitives.HashOf([]byte("head")),
		}},
		Commitments: candidate.Commitments{HeadData: []byte("head")},
	}
	raw, _ := r.Descriptor.Collation.Encode()
	copy(r.Descriptor.Signature[:], ed25519.Sign(collator, raw))
	return r
}

func idOf(r candidate.CommittedReceipt) primitives.Hash {
	id, _ := r.Hash()
	return id
}

func says(v uint32, verdict signbytes.Verdict, id primitives.Hash) statements.Signed {
	s := statements.Signed{Verdict: verdict, Candidate: id, Validator: v}
	raw, _ := s.Payload(signbytes.Context{Session: session, RelayParent: parent}).Encode()
	copy(s.Signature[:], ed25519.Sign(key(v), raw))
	return s
}

func word(v uint32, verdict signbytes.Verdict, id primitives.Hash) *primitivesv1.SignedStatement {
	return parachain.StatementMessage(says(v, verdict, id))
}

func bitfield(v uint32, at primitives.Hash, cores ...uint32) *primitivesv1.SignedAvailabilityBitfield {
	b := parachain.SignedBitfield{Validator: v, Cores: primitives.NewBits(2, cores...)}
	raw, _ := b.Payload(signbytes.Context{Session: session, RelayParent: at}).Encode()
	copy(b.Signature[:], ed25519.Sign(key(v), raw))
	return parachain.BitfieldMessage(b)
}

// backed is a candidate with the votes of these members of the first group, by their places.
func backed(r candidate.CommittedReceipt, members ...uint32) *primitivesv1.BackedCandidate {
	group := facts(parent, nil).Groups[0]
	m := &primitivesv1.BackedCandidate{
		Receipt:      parachain.CommittedMessage(r),
		GroupMembers: parachain.BitsMessage(primitives.NewBits(uint32(len(group)), members...)),
	}
	for i, place := range members {
		if i == 0 {
			s := says(group[place], signbytes.Seconded, idOf(r))
			m.Votes = append(m.Votes, &primitivesv1.ValidityAttestation{
				Kind: &primitivesv1.ValidityAttestation_Implicit{Implicit: s.Signature[:]}})
			continue
		}
		s := says(group[place], signbytes.Valid, idOf(r))
		m.Votes = append(m.Votes, &primitivesv1.ValidityAttestation{
			Kind: &primitivesv1.ValidityAttestation_Explicit{Explicit: s.Signature[:]}})
	}
	return m
}

// block is one on the parent.
func block(in *provisionerv1.InherentData) Block {
	return Block{ID: next, Parent: parent, Height: 9, Inherent: in}
}

// includes has the candidate backed, then claimed by these validators, and then included.
func (w *world) includes(claimed ...uint32) []primitives.Hash {
	w.Accepted(block(&provisionerv1.InherentData{
		BackedCandidates: []*primitivesv1.BackedCandidate{backed(w.made, 0, 1)}}))
	w.Learn(facts(next, &w.made))
	in := &provisionerv1.InherentData{}
	for _, v := range claimed {
		in.Bitfields = append(in.Bitfields, bitfield(v, next, 0))
	}
	short, _ := w.made.Receipt()
	return w.Accepted(Block{
		ID: primitives.HashOf([]byte("last")), Parent: next, Height: 10, Inherent: in,
		Events: []*runtimeapiv1.CandidateEvent{{
			Kind: runtimeapiv1.CandidateEvent_KIND_INCLUDED, Receipt: parachain.ReceiptMessage(short)}},
	})
}

// chunk is the one of a validator.
func (w *world) chunk(v uint32) erasure.Chunk { return w.coded.Chunk(int(v)) }

// finds checks which invariant was found not to hold, and by which words; none: all hold.
func (w *world) finds(invariant, words string) {
	w.t.Helper()
	switch {
	case invariant == "" && len(w.found) > 0:
		w.t.Errorf("found %q", w.found)
	case invariant != "" && !slices.ContainsFunc(w.found, func(f string) bool {
		return strings.HasPrefix(f, invariant+": ") && strings.Contains(f, words)
	}):
		w.t.Errorf("%s (%s) isn't found, but %q", invariant, words, w.found)
	}
}
