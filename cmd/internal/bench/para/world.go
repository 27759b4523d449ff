package para

import (
	"crypto/ed25519"
	"encoding/binary"
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/parachain"
	"github.com/reevenet/reeve/overseer/subsystem"
	keystorev1 "github.com/reevenet/reeve/proto/reeve/keystore/v1"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	runtimeapiv1 "github.com/reevenet/reeve/proto/reeve/runtimeapi/v1"
)

const (
	validators = 500
	groupSize  = 5
	session    = 7
	// own is the validator whose subsystem is measured; its group is the first.
	own = 0
)

// world is the relay chain as it is played.
type world struct {
	cores int
	keys  []ed25519.PrivateKey
	list  []*primitivesv1.Validator
	nodes [][]byte

	mu         sync.Mutex
	candidates map[primitives.Hash][]candidate.CommittedReceipt // on the cores, by block
}

func newWorld(cores int) *world {
	w := &world{cores: cores, candidates: map[primitives.Hash][]candidate.CommittedReceipt{}}
	for v := range uint64(validators) {
		seed := primitives.HashOf(binary.BigEndian.AppendUint64([]byte("validator"), v))
		key := ed25519.NewKeyFromSeed(seed[:])
		node := primitives.HashOf(seed[:])
		w.keys, w.nodes = append(w.keys, key), append(w.nodes, node[:])
		w.list = append(w.list, &primitivesv1.Validator{
			PublicKey: key.Public().(ed25519.PublicKey), NodeId: node[:], Stake: 1,
		})
	}
	return w
}

// blockHash is as even as a block's: which traces are sampled is decided by it.
func blockHash(number uint64) primitives.Hash {
	return primitives.HashOf(binary.BigEndian.AppendUint64([]byte("block"), number))
}

// candidate is that of a core, made on a relay parent.
func (w *world) candidate(relayParent primitives.Hash, core int, root primitives.Hash) candidate.CommittedReceipt {
	var r candidate.CommittedReceipt
	r.Commitments.HeadData = relayParent[:]
	r.Descriptor.Collation = signbytes.Collation{
		ParaID: uint32(core), RelayParent: relayParent, ErasureRoot: root, ParaHead: primitives.HashOf(relayParent[:]),
	}
	return r
}

// occupy puts candidates on a block's cores.
func (w *world) occupy(block primitives.Hash, on []candidate.CommittedReceipt) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.candidates[block] = on
}

func hashOf(r candidate.CommittedReceipt) primitives.Hash {
	h, err := r.Hash()
	if err != nil {
		panic(err) // its commitments are of the shortest kind
	}
	return h
}

// group are the validators that back a core's candidates.
func group(core int) []uint32 {
	members := make([]uint32, groupSize)
	for i := range members {
		members[i] = uint32((core*groupSize + i) % validators)
	}
	return members
}

func (st *stage) engine() role {
	return role{name: "engine", sends: []proto.Message{&overseerv1.BlockImported{}, &overseerv1.BlockAccepted{}},
		on: (*subsystem.Message).Unknown}
}

// grow makes block number the leaf, and its parent final. What is sent afterwards reaches the subject after it.
func (st *stage) grow(number uint64) {
	st.heard.Add(len(st.subs))
	hash, parent := blockHash(number), blockHash(number-1)
	st.as("engine", func(sub *subsystem.Sub) {
		sub.Send(&overseerv1.BlockImported{Hash: hash[:], Parent: parent[:], Number: number})
		if number > 1 {
			sub.Send(&overseerv1.BlockAccepted{Hash: parent[:], Number: number - 1})
		}
	})
	st.heard.Wait()
}

func (st *stage) keystore() role {
	return role{name: "keystore", on: func(m *subsystem.Message) {
		m.Reply(&keystorev1.PublicKeysResponse{Keys: []*keystorev1.PublicKey{
			{Purpose: "validator", Key: st.list[own].GetPublicKey()}}})
	}}
}

func (st *stage) runtime() role {
	return role{name: "runtime-api", on: func(m *subsystem.Message) {
		q := m.Body.(*runtimeapiv1.Request)
		m.Reply(&runtimeapiv1.RequestResponse{Outcome: &runtimeapiv1.RequestResponse_Answer{
			Answer: st.answer(primitives.Hash(q.GetRelayParent()), q.GetRequest())}})
	}}
}

// answer is what the relay chain says of the state after a block.
func (w *world) answer(block primitives.Hash, q *runtimeapiv1.RuntimeApiRequest) *runtimeapiv1.RuntimeApiAnswer {
	a := &runtimeapiv1.RuntimeApiAnswer{}
	switch q.GetKind().(type) {
	case *runtimeapiv1.RuntimeApiRequest_Validators:
		a.Kind = &runtimeapiv1.RuntimeApiAnswer_Validators{
			Validators: &runtimeapiv1.ValidatorsAnswer{Validators: w.list}}
	case *runtimeapiv1.RuntimeApiRequest_SessionIndexForChild:
		a.Kind = &runtimeapiv1.RuntimeApiAnswer_SessionIndexForChild{
			SessionIndexForChild: &runtimeapiv1.SessionIndexForChildAnswer{Session: session}}
	case *runtimeapiv1.RuntimeApiRequest_ValidatorGroups:
		g := &runtimeapiv1.ValidatorGroupsAnswer{
			Rotation: &primitivesv1.GroupRotationInfo{GroupRotationFrequency: 1 << 20},
		}
		for core := range validators / groupSize {
			g.Groups = append(g.Groups, &primitivesv1.ValidatorGroup{Validators: group(core)})
		}
		a.Kind = &runtimeapiv1.RuntimeApiAnswer_ValidatorGroups{ValidatorGroups: g}
	case *runtimeapiv1.RuntimeApiRequest_AvailabilityCores:
		a.Kind = &runtimeapiv1.RuntimeApiAnswer_AvailabilityCores{AvailabilityCores: w.occupied(block)}
	case *runtimeapiv1.RuntimeApiRequest_CandidateEvents:
		a.Kind = &runtimeapiv1.RuntimeApiAnswer_CandidateEvents{CandidateEvents: w.events(block)}
	case *runtimeapiv1.RuntimeApiRequest_Ancestors:
		a.Kind = &runtimeapiv1.RuntimeApiAnswer_Ancestors{Ancestors: &runtimeapiv1.AncestorsAnswer{}}
	}
	return a
}

func (w *world) occupied(block primitives.Hash) *runtimeapiv1.AvailabilityCoresAnswer {
	w.mu.Lock()
	defer w.mu.Unlock()
	a := &runtimeapiv1.AvailabilityCoresAnswer{}
	for core, r := range w.candidates[block] {
		id := hashOf(r)
		a.Cores = append(a.Cores, &primitivesv1.CoreState{Kind: &primitivesv1.CoreState_Occupied{
			Occupied: &primitivesv1.OccupiedCore{
				GroupResponsible: uint32(core), Candidate: id[:], Descriptor_: parachain.DescriptorMessage(r.Descriptor),
			}}})
	}
	return a
}

// events: the candidates on a block's cores were backed in it.
func (w *world) events(block primitives.Hash) *runtimeapiv1.CandidateEventsAnswer {
	w.mu.Lock()
	defer w.mu.Unlock()
	a := &runtimeapiv1.CandidateEventsAnswer{}
	for core, r := range w.candidates[block] {
		short, err := r.Receipt()
		if err != nil {
			panic(err) // as above
		}
		a.Events = append(a.Events, &runtimeapiv1.CandidateEvent{
			Kind: runtimeapiv1.CandidateEvent_KIND_BACKED, Receipt: parachain.ReceiptMessage(short), Core: uint32(core),
			Group: uint32(core),
		})
	}
	return a
}
