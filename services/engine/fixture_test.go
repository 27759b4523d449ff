package engine

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/core/validators"
	"github.com/reevenet/reeve/internal/store/disk/simdisk"
	"github.com/reevenet/reeve/overseer/overseertest"
	"github.com/reevenet/reeve/overseer/subsystem"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
	keystorev1 "github.com/reevenet/reeve/proto/reeve/keystore/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
)

// A fixture is several engines, each under a test that plays its overseer, its VM's host, its keystore and the network
// between them.
type fixture struct {
	t     *testing.T
	chain block.Chain
	set   *validators.Set
	nodes []*node
	told  map[string]int // messages between nodes, by kind
}

// node is one engine with what surrounds it. Its VM's blocks are a parent's id, a height and a text.
type node struct {
	*overseertest.Overseer
	fixture *fixture
	id      primitives.NodeID
	key     ed25519.PrivateKey

	processing map[primitives.Hash]*pluginv1.Block
	accepted   []*vmv1.AcceptBlock // from height 1
	kept       []*vmv1.KeepBlock   // undecided
	pending    []string            // texts for the next blocks
	events     []string            // what the VM and the overseer saw, in order
	down       func(proto.Message) subsystem.Code
	refuse     func(proto.Message) *pluginv1.Error
	refuseSlot func() bool
	costs      map[primitives.NodeID]int
	votes      *keystorev1.QueryVotesResponse // those of the last height at which it voted
	disk       *simdisk.Disk                  // the engine's, which survives it
	absences   Absences
	asked      int // of this node, by the network
}

const evidenceDir = "/data/evidence"

var genesisVM = primitives.HashOf([]byte("genesis"))

func newFixture(t *testing.T, size int) *fixture {
	s := &fixture{
		t: t, chain: block.Chain{NetworkID: 5, ID: primitives.HashOf([]byte("chain"))}, told: map[string]int{},
	}
	var members []validators.Validator
	var keys []ed25519.PrivateKey
	for i := range size {
		k := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{byte(i + 1)}, 32))
		keys = append(keys, k)
		public := k.Public().(ed25519.PublicKey)
		members = append(members, validators.Validator{Node: primitives.NodeID{byte(i + 1)}, Key: public, Stake: 1})
	}
	var err error
	if s.set, err = validators.New(members); err != nil {
		t.Fatal(err)
	}
	for i := range size {
		s.nodes = append(s.nodes, &node{
			fixture: s, id: members[i].Node, key: keys[i], processing: map[primitives.Hash]*pluginv1.Block{},
			costs: map[primitives.NodeID]int{}, votes: &keystorev1.QueryVotesResponse{}, disk: simdisk.New(uint64(i)),
		})
	}
	return s
}

func (s *fixture) start() *fixture {
	for _, n := range s.nodes {
		n.start()
	}
	for _, n := range s.nodes {
		for _, o := range s.nodes {
			if n != o {
				n.update(peerConnected(o.id))
			}
		}
	}
	s.settle()
	return s
}

func (n *node) config() Config {
	return Config{
		Chain: n.fixture.chain, NodeID: n.id, Validators: n.fixture.set, Disk: n.disk.Process(), Dir: evidenceDir,
		Absences: n.absences,
	}
}

func (n *node) start() { n.Overseer = overseertest.Start(n.fixture.t, Spec(n.config())) }

func (n *node) update(e *nbv1.NetworkBridgeEvent) {
	n.Send("network-bridge", &enginev1.NetworkBridgeUpdate{Event: e})
}

func peerConnected(id primitives.NodeID) *nbv1.NetworkBridgeEvent {
	return &nbv1.NetworkBridgeEvent{Protocol: ProtocolConsensus, Kind: &nbv1.NetworkBridgeEvent_PeerConnected{
		PeerConnected: &nbv1.PeerConnected{Peer: id[:]},
	}}
}

func peerMessage(protocol string, from primitives.NodeID, payload []byte) *nbv1.NetworkBridgeEvent {
	return &nbv1.NetworkBridgeEvent{Protocol: protocol, Kind: &nbv1.NetworkBridgeEvent_PeerMessage{
		PeerMessage: &nbv1.PeerMessage{Peer: from[:], Payload: payload},
	}}
}

// settle answers what the engines ask until none asks anything.
func (s *fixture) settle() {
	for busy := true; busy; {
		busy = false
		for _, n := range s.nodes {
			for _, sent := range n.Sent() {
				busy = true
				n.serve(sent)
			}
		}
	}
}

// pass lets time go by.
func (s *fixture) pass(d time.Duration) {
	for step := time.Millisecond; d > 0; d -= step {
		for _, n := range s.nodes {
			n.Advance(step)
		}
		s.settle()
	}
}

// until lets time go by until it is so.
func (s *fixture) until(d time.Duration, so func() bool) {
	s.t.Helper()
	for ; d > 0; d -= time.Millisecond {
		s.settle()
		if so() {
			return
		}
		s.pass(time.Millisecond)
	}
	for i, n := range s.nodes {
		s.t.Logf("node %d: %v %v", i, n.Status(), n.events)
	}
	s.t.Fatal("it didn't come to that")
}

func (n *node) offer(text string) {
	n.pending = append(n.pending, text)
	n.Send("vm", &enginev1.Notify{Event: enginev1.Event_EVENT_PENDING_TXS})
}

func (n *node) log(format string, args ...any) {
	n.events = append(n.events, fmt.Sprintf(format, args...))
}

// serve plays whoever a message is for.
func (n *node) serve(s overseertest.Sent) {
	if s.Request && n.down != nil {
		if code := n.down(s.Body); code != 0 {
			s.Fail(code, "restarting")
			return
		}
	}
	switch m := s.Body.(type) {
	case *nbv1.SendConsensusMessage:
		n.carry(ProtocolConsensus, m.GetPeers(), m.GetPayload())
	case *nbv1.SendMessage:
		n.carry(ProtocolApp, m.GetPeers(), m.GetPayload())
	case *nbv1.SendGossip:
		n.carry(ProtocolGossip, m.GetPeers(), m.GetPayload())
	case *nbv1.SendBulk:
		n.carry(ProtocolBulk, m.GetPeers(), m.GetPayload())
	case *nbv1.ReportPeer:
		peer, _ := primitives.NodeIDFrom(m.GetPeer())
		n.costs[peer] -= int(m.GetCostBenefit())
	case *overseerv1.BlockImported:
		n.log("imported %d", m.GetNumber())
	case *overseerv1.BlockAccepted:
		n.log("final %d", m.GetNumber())
	case *pluginv1.AppRequestRequest:
		n.log("app request %d %s", m.GetRequestId(), m.GetRequest())
	case *pluginv1.AppResponseRequest:
		n.log("app response %d %s", m.GetRequestId(), m.GetResponse())
	case *pluginv1.AppRequestFailedRequest:
		n.log("app failed %d code %d", m.GetRequestId(), m.GetError().GetCode())
	case *pluginv1.AppGossipRequest:
		n.log("app gossip %s", m.GetGossip())
	case *keystorev1.SignBlock:
		s.Reply(n.sign(m))
	case *keystorev1.SignVote:
		s.Reply(n.signVote(m))
	case *keystorev1.QueryVotes:
		s.Reply(n.votes)
	default:
		if s.Request {
			s.Reply(n.vm(s.Body))
		}
	}
}

func (n *node) carry(protocol string, peers [][]byte, payload []byte) {
	for _, p := range peers {
		for _, o := range n.fixture.nodes {
			if bytes.Equal(o.id[:], p) {
				o.asked++
				n.fixture.told[kindOf(payload)]++
				o.update(peerMessage(protocol, n.id, payload))
			}
		}
	}
}

// kindOf is the name of a message's kind.
func kindOf(payload []byte) string {
	m := &enginev1.PeerMessage{}
	if proto.Unmarshal(payload, m) != nil || m.GetKind() == nil {
		return ""
	}
	r := m.ProtoReflect()
	return string(r.WhichOneof(r.Descriptor().Oneofs().ByName("kind")).Name())
}

func (n *node) sign(m *keystorev1.SignBlock) *keystorev1.SignBlockResponse {
	if n.refuseSlot != nil && n.refuseSlot() {
		no := &keystorev1.Refusal{Reason: keystorev1.Refusal_REASON_CONFLICT, Explanation: "signed before"}
		return &keystorev1.SignBlockResponse{Outcome: &keystorev1.SignBlockResponse_Refusal{Refusal: no}}
	}
	hash := func(b []byte) primitives.Hash { h, _ := primitives.HashFrom(b); return h }
	payload, err := signbytes.Block{
		NetworkID: m.GetNetworkId(), ChainID: hash(m.GetChainId()), Height: m.GetHeight(),
		ParentID: hash(m.GetParentId()),
		Slot:     m.GetSlot(),
		Time:     m.GetTimeUnixMillis(), BodyHash: hash(m.GetBodyHash()),
	}.Encode()
	if err != nil {
		n.fixture.t.Fatal(err)
	}
	signature := &keystorev1.Signature{Signature: ed25519.Sign(n.key, payload)}
	return &keystorev1.SignBlockResponse{Outcome: &keystorev1.SignBlockResponse_Signature{Signature: signature}}
}

// signVote remembers what it signs, as a keystore does, and trusts the engine to go forward.
func (n *node) signVote(m *keystorev1.SignVote) *keystorev1.SignVoteResponse {
	chain, _ := primitives.HashFrom(m.GetChainId())
	id, _ := primitives.HashFrom(m.GetBlockId())
	payload, err := signbytes.Vote{
		NetworkID: m.GetNetworkId(), ChainID: chain, Height: m.GetHeight(), Round: m.GetRound(),
		Phase: signbytes.Phase(m.GetPhase()), Block: id,
	}.Encode()
	if err != nil {
		n.fixture.t.Fatal(err)
	}
	if m.GetHeight() > n.votes.GetHeight() {
		n.votes = &keystorev1.QueryVotesResponse{Height: m.GetHeight()}
	}
	signature := ed25519.Sign(n.key, payload)
	n.votes.Votes = append(n.votes.Votes, &keystorev1.SignedVote{
		Round: m.GetRound(), Phase: m.GetPhase(), BlockId: m.GetBlockId(), Signature: signature,
	})
	return &keystorev1.SignVoteResponse{
		Outcome: &keystorev1.SignVoteResponse_Signature{Signature: &keystorev1.Signature{Signature: signature}},
	}
}
