package bitfielddistribution_test

import (
	"crypto/ed25519"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/parachain"
	"github.com/reevenet/reeve/overseer"
	"github.com/reevenet/reeve/overseer/overseertest"
	"github.com/reevenet/reeve/overseer/part"
	"github.com/reevenet/reeve/overseer/subsystem"
	availabilitystorev1 "github.com/reevenet/reeve/proto/reeve/availabilitystore/v1"
	keystorev1 "github.com/reevenet/reeve/proto/reeve/keystore/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	provisionerv1 "github.com/reevenet/reeve/proto/reeve/provisioner/v1"
	runtimeapiv1 "github.com/reevenet/reeve/proto/reeve/runtimeapi/v1"
	"github.com/reevenet/reeve/services/bitfielddistribution"
	"github.com/reevenet/reeve/services/bitfieldsigning"
	"github.com/reevenet/reeve/services/networkbridge"
	"github.com/reevenet/reeve/services/networkbridge/memnet"
)

const (
	relay = "relay"
	nodes = 3 // each one's validator has its index
)

var candidate = primitives.HashOf([]byte("a candidate"))

func nodeID(i int) primitives.NodeID { return primitives.NodeID{byte(i + 1)} }

func secretOf(validator int) ed25519.PrivateKey {
	seed := [ed25519.SeedSize]byte{byte(validator + 1)}
	return ed25519.NewKeyFromSeed(seed[:])
}

func publicOf(validator int) []byte { return secretOf(validator).Public().(ed25519.PublicKey) }

// neighbour is a subsystem that the test plays: it does what is in its function.
type neighbour func(m *subsystem.Message)

func (neighbour) Signal(*overseerv1.Signal) {}

func (f neighbour) Handle(m *subsystem.Message) { f(m) }

// node is a whole node with a real bridge, and the two that are about bitfields.
type node struct {
	*overseertest.Bus
	t           *testing.T
	index       int
	stored      bool // our chunk of the candidate
	provided    []string
	provisioner *overseertest.Member
}

func newNode(t *testing.T, net *memnet.Network, index int) *node {
	n := &node{t: t, index: index, stored: true}
	var peers []networkbridge.Address
	for i := range nodes {
		peers = append(peers, networkbridge.Address{Node: nodeID(i), At: []string{"/memory"}})
	}
	play := func(name string, f neighbour) subsystem.Spec {
		return subsystem.Spec{Name: name, New: func(*subsystem.Sub) (subsystem.Handler, error) { return f, nil }}
	}
	provisioner := play("provisioner", n.provision) // and whoever else must speak
	provisioner.Sends = []proto.Message{&overseerv1.BlockImported{}}
	provisioner.Asks = []proto.Message{&nbv1.Peers{}}
	specs := []subsystem.Spec{
		networkbridge.Spec(networkbridge.Config{
			Transport: net.Node(nodeID(index)), NetworkID: primitives.Hash{42}, Chains: []string{relay},
			Protocols: networkbridge.Carried(part.List{bitfielddistribution.Part()}.Protocols()),
			Peers:     slices.Delete(peers, index, index+1),
		}),
		bitfielddistribution.Spec(bitfielddistribution.Config{Chain: relay}),
		bitfieldsigning.Spec(bitfieldsigning.Config{Chain: relay}),
		play("runtime-api", n.runtime), play("keystore", n.keystore), play("availability-store", n.store),
		provisioner,
	}
	n.Bus = overseertest.NodeWith(t, overseer.Config{Specs: specs, Chains: []string{relay}})
	for _, s := range specs {
		n.provisioner = n.Attach(s, s.Name)
	}
	n.Settle()
	return n
}

// runtime is a runtime-api that knows one state: the candidate lies on core 1 of 2.
func (n *node) runtime(m *subsystem.Message) {
	a := &runtimeapiv1.RuntimeApiAnswer{}
	switch m.Body.(*runtimeapiv1.Request).GetRequest().GetKind().(type) {
	case *runtimeapiv1.RuntimeApiRequest_Validators:
		list := &runtimeapiv1.ValidatorsAnswer{}
		for i := range nodes {
			list.Validators = append(list.Validators, &primitivesv1.Validator{PublicKey: publicOf(i)})
		}
		a.Kind = &runtimeapiv1.RuntimeApiAnswer_Validators{Validators: list}
	case *runtimeapiv1.RuntimeApiRequest_AvailabilityCores:
		core := &primitivesv1.CoreState{Kind: &primitivesv1.CoreState_Occupied{
			Occupied: &primitivesv1.OccupiedCore{Candidate: candidate[:]}}}
		a.Kind = &runtimeapiv1.RuntimeApiAnswer_AvailabilityCores{
			AvailabilityCores: &runtimeapiv1.AvailabilityCoresAnswer{Cores: []*primitivesv1.CoreState{{}, core}}}
	default:
		a.Kind = &runtimeapiv1.RuntimeApiAnswer_SessionIndexForChild{
			SessionIndexForChild: &runtimeapiv1.SessionIndexForChildAnswer{Session: 1}}
	}
	m.Reply(&runtimeapiv1.RequestResponse{Outcome: &runtimeapiv1.RequestResponse_Answer{Answer: a}})
}

func (n *node) keystore(m *subsystem.Message) {
	q, sign := m.Body.(*keystorev1.SignBitfield)
	if !sign {
		m.Reply(&keystorev1.PublicKeysResponse{Keys: []*keystorev1.PublicKey{
			{Purpose: "validator", Key: publicOf(n.index)}}})
		return
	}
	at, _ := primitives.HashFrom(q.GetRelayParent())
	payload, err := signbytes.Bitfield{
		Context: signbytes.Context{Session: q.GetSession(), RelayParent: at}, Length: q.GetLength(), Bits: q.GetBits(),
	}.Encode()
	if err != nil {
		n.t.Error(err)
	}
	m.Reply(&keystorev1.SignBitfieldResponse{Outcome: &keystorev1.SignBitfieldResponse_Signature{
		Signature: &keystorev1.Signature{Signature: ed25519.Sign(secretOf(n.index), payload)}}})
}

func (n *node) store(m *subsystem.Message) {
	m.Reply(&availabilitystorev1.QueryChunkAvailabilityResponse{Available: n.stored})
}

func (n *node) provision(m *subsystem.Message) {
	d := m.Body.(*provisionerv1.ProvisionableData)
	s, err := parachain.Bitfield(d.GetBitfield())
	n.provided = append(n.provided, fmt.Sprintf("%s: %d has %v", d.GetRelayParent()[:1], s.Validator, s.Cores.Ones()))
	if err != nil {
		n.t.Error(err)
	}
}

// imported lets a node have a new leaf.
func (n *node) imported(block, parent primitives.Hash, number uint64) {
	n.provisioner.Do(func(sub *subsystem.Sub) {
		sub.On(relay).Send(&overseerv1.BlockImported{Hash: block[:], Parent: parent[:], Number: number})
	})
}

// network is the nodes and what joins them.
type network struct {
	t     *testing.T
	net   *memnet.Network
	nodes []*node
}

// run lets time pass at all nodes, and what they say arrive.
func (n *network) run(d time.Duration) {
	const step = 10 * time.Millisecond
	for ; d > 0; d -= step {
		for _, node := range n.nodes {
			node.Advance(step)
			n.net.Run()
		}
	}
}

// provided compares what each provisioner was given since the last call, in any order.
func (n *network) provided(when string, want ...string) {
	n.t.Helper()
	for i, node := range n.nodes {
		slices.Sort(node.provided)
		if diff := cmp.Diff(want, node.provided); diff != "" {
			n.t.Errorf("%s, node %d (-want +got)\n%s", when, i, diff)
		}
		node.provided = nil
	}
}

// Three nodes with real bridges between them: each signs as soon as its chunk is here, every provisioner is given every
// bitfield once, whoever sees a block first, and nobody is charged for anything.
func TestThreeNodesExchangeBitfields(t *testing.T) {
	n := &network{t: t, net: memnet.New(memnet.Config{})}
	for i := range nodes {
		n.nodes = append(n.nodes, newNode(t, n.net, i))
	}
	n.run(2 * time.Second)

	first, second := primitives.Hash{'a'}, primitives.Hash{'b'}
	n.nodes[2].stored = false
	for _, node := range n.nodes {
		node.imported(first, primitives.Hash{}, 1)
		n.run(50 * time.Millisecond) // one after the other
	}
	n.provided("two have their chunk", "a: 0 has [1]", "a: 1 has [1]")
	n.nodes[2].stored = true
	n.run(300 * time.Millisecond)
	n.provided("the third has it, too", "a: 2 has [1]")

	// On the next block the last one has no link to the first.
	n.net.Block(0, 2, true)
	n.net.Block(2, 0, true)
	for i := range nodes {
		n.nodes[nodes-1-i].imported(second, first, 2)
		n.run(10 * time.Millisecond)
	}
	n.run(time.Second)
	n.provided("what one can't send the others pass on", "b: 0 has [1]", "b: 1 has [1]", "b: 2 has [1]")

	n.run(2 * time.Second) // what is earned is reported after a while
	for i, node := range n.nodes {
		for _, p := range node.peers() {
			if p.GetConnected() && p.GetReputation() <= 0 || p.GetReputation() < 0 {
				t.Errorf("node %d thinks ill of a peer: %v", i, p)
			}
		}
	}
}

// peers is what a node's bridge thinks of the others.
func (n *node) peers() (list []*nbv1.PeerInfo) {
	n.provisioner.Do(func(sub *subsystem.Sub) {
		subsystem.Ask(sub, &nbv1.Peers{}, time.Second, func(r *nbv1.PeersResponse, err error) {
			list = r.GetPeers()
			if err != nil || len(list) != nodes-1 {
				n.t.Errorf("%d peers, %v", len(list), err)
			}
		})
	})
	return list
}
