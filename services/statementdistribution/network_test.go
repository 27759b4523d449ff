package statementdistribution_test

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/core/statements"
	"github.com/reevenet/reeve/internal/parachain"
	"github.com/reevenet/reeve/overseer"
	"github.com/reevenet/reeve/overseer/overseertest"
	"github.com/reevenet/reeve/overseer/part"
	"github.com/reevenet/reeve/overseer/subsystem"
	cbv1 "github.com/reevenet/reeve/proto/reeve/candidatebacking/v1"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
	pdv1 "github.com/reevenet/reeve/proto/reeve/povdistribution/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	runtimeapiv1 "github.com/reevenet/reeve/proto/reeve/runtimeapi/v1"
	sdv1 "github.com/reevenet/reeve/proto/reeve/statementdistribution/v1"
	"github.com/reevenet/reeve/services/networkbridge"
	"github.com/reevenet/reeve/services/networkbridge/memnet"
	"github.com/reevenet/reeve/services/povdistribution"
	"github.com/reevenet/reeve/services/statementdistribution"
)

const (
	relay = "relay"
	nodes = 3 // each one's validator has its index
)

var relayParent = primitives.Hash{'r'}

func nodeID(i int) primitives.NodeID { return primitives.NodeID{byte(i + 1)} }

func secretOf(validator int) ed25519.PrivateKey {
	seed := [ed25519.SeedSize]byte{byte(validator + 1)}
	return ed25519.NewKeyFromSeed(seed[:])
}

// runtime is a runtime-api that knows one state.
type runtime struct{}

func (runtime) Signal(*overseerv1.Signal) {}

func (runtime) Handle(m *subsystem.Message) {
	a := &runtimeapiv1.RuntimeApiAnswer{Kind: &runtimeapiv1.RuntimeApiAnswer_SessionIndexForChild{
		SessionIndexForChild: &runtimeapiv1.SessionIndexForChildAnswer{Session: 1}}}
	if m.Body.(*runtimeapiv1.Request).GetRequest().GetValidators() != nil {
		list := &runtimeapiv1.ValidatorsAnswer{}
		for i := range nodes {
			id := nodeID(i)
			list.Validators = append(list.Validators, &primitivesv1.Validator{
				NodeId: id[:], PublicKey: secretOf(i).Public().(ed25519.PublicKey)})
		}
		a.Kind = &runtimeapiv1.RuntimeApiAnswer_Validators{Validators: list}
	}
	m.Reply(&runtimeapiv1.RequestResponse{Outcome: &runtimeapiv1.RequestResponse_Answer{Answer: a}})
}

// backing is a candidate-backing that writes down what it hears.
type backing struct {
	sub   *subsystem.Sub
	heard []string
}

func (b *backing) Signal(*overseerv1.Signal) {}

func (b *backing) Handle(m *subsystem.Message) {
	s, err := parachain.Statement(m.Body.(*cbv1.Statement).GetStatement())
	b.heard = append(b.heard, fmt.Sprint(s.Verdict, " by ", s.Validator))
	if err != nil {
		b.heard = append(b.heard, err.Error())
	}
}

// node is a whole node with a real bridge, and the two that distribute.
type node struct {
	*overseertest.Bus
	index   int
	backing *backing
	member  *overseertest.Member // candidate-backing
}

func newNode(t *testing.T, net *memnet.Network, index int) *node {
	n := &node{index: index, backing: &backing{}}
	spoken := part.List{statementdistribution.Part(), povdistribution.Part()}.Protocols()
	var peers []networkbridge.Address
	for i := range nodes {
		peers = append(peers, networkbridge.Address{Node: nodeID(i), At: []string{"/memory"}})
	}
	specs := []subsystem.Spec{
		networkbridge.Spec(networkbridge.Config{
			Transport: net.Node(nodeID(index)), NetworkID: primitives.Hash{42}, Chains: []string{relay},
			Protocols: networkbridge.Carried(spoken), Peers: slices.Delete(peers, index, index+1),
		}),
		statementdistribution.Spec(statementdistribution.Config{Chain: relay}),
		povdistribution.Spec(povdistribution.Config{Chain: relay}),
		{Name: "runtime-api", New: func(*subsystem.Sub) (subsystem.Handler, error) { return runtime{}, nil }},
		{
			Name:  "candidate-backing",
			Sends: []proto.Message{&sdv1.Share{}, &pdv1.DistributePoV{}, &overseerv1.BlockImported{}},
			Asks:  []proto.Message{&pdv1.FetchPoV{}},
			New: func(sub *subsystem.Sub) (subsystem.Handler, error) {
				n.backing.sub = sub
				return n.backing, nil
			},
		},
	}
	n.Bus = overseertest.NodeWith(t, overseer.Config{Specs: specs, Chains: []string{relay}})
	for _, s := range specs {
		n.member = n.Attach(s, s.Name)
	}
	n.Settle()
	return n
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

// share lets a node's candidate-backing share a statement.
func (n *network) share(index int, r candidate.CommittedReceipt, v signbytes.Verdict) {
	n.t.Helper()
	h, err := r.Hash()
	if err != nil {
		n.t.Fatal(err)
	}
	s := statements.Signed{Verdict: v, Candidate: h, Validator: uint32(index)}
	payload, err := s.Payload(signbytes.Context{Session: 1, RelayParent: relayParent}).Encode()
	if err != nil {
		n.t.Fatal(err)
	}
	copy(s.Signature[:], ed25519.Sign(secretOf(index), payload))
	m := parachain.StatementMessage(s)
	if v == signbytes.Seconded {
		m.Statement.Kind = &primitivesv1.Statement_Seconded{Seconded: parachain.CommittedMessage(r)}
	}
	n.nodes[index].member.Do(func(sub *subsystem.Sub) {
		sub.Send(&sdv1.Share{RelayParent: relayParent[:], Statement: m})
	})
}

// fetch lets a node's candidate-backing ask for a proof, and gives its bytes when they are there.
func (n *network) fetch(index int, r candidate.CommittedReceipt, backers ...uint32) (pov []byte) {
	n.t.Helper()
	of := n.nodes[index]
	d := parachain.DescriptorMessage(r.Descriptor)
	q := &pdv1.FetchPoV{RelayParent: relayParent[:], Descriptor_: d, Backers: backers}
	of.member.Do(func(sub *subsystem.Sub) {
		subsystem.Ask(sub, q, 10*time.Second, func(a *pdv1.FetchPoVResponse, err error) {
			if err != nil || a.GetPov() == nil {
				n.t.Errorf("node %d has no proof: %v, %v", index, err, a.GetMissing())
				return
			}
			b, err := of.Blobs.Get(a.GetPov().GetBlockData(), 0, -1)
			if err != nil {
				n.t.Error(err)
				return
			}
			pov = bytes.Clone(b.Bytes())
			b.Close()
		})
	})
	n.run(3 * time.Second)
	return pov
}

// heard compares what the candidate-backings have heard since the last call.
func (n *network) heard(when string, want ...[]string) {
	n.t.Helper()
	for i, node := range n.nodes {
		slices.Sort(node.backing.heard)
		if diff := cmp.Diff(want[i], node.backing.heard); diff != "" {
			n.t.Errorf("%s, node %d (-want +got)\n%s", when, i, diff)
		}
		node.backing.heard = nil
	}
}

// Three nodes with real bridges between them: one seconds, the others hear of it, get the proof and say that it is
// valid. The last one gets the proof from the second, since the first doesn't answer it.
func TestThreeNodesExchangeStatementsAndAProof(t *testing.T) {
	n := &network{t: t, net: memnet.New(memnet.Config{})}
	for i := range nodes {
		n.nodes = append(n.nodes, newNode(t, n.net, i))
	}
	n.run(2 * time.Second)
	for _, node := range n.nodes {
		node.member.Do(func(sub *subsystem.Sub) {
			sub.On(relay).Send(&overseerv1.BlockImported{Hash: relayParent[:], Parent: make([]byte, 32), Number: 1})
		})
	}
	n.run(time.Second)

	pov := bytes.Repeat([]byte("block data "), 300_000) // longer than a frame
	r := candidate.CommittedReceipt{}
	r.Descriptor.Collation.RelayParent, r.Descriptor.Collation.PoVHash = relayParent, candidate.PoVHash(pov)
	first := n.nodes[0]
	ref, err := first.Blobs.Put("candidate-backing", pov, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	first.member.Do(func(sub *subsystem.Sub) {
		d := parachain.DescriptorMessage(r.Descriptor)
		pov := &primitivesv1.PoV{BlockData: ref}
		sub.Send(&pdv1.DistributePoV{RelayParent: relayParent[:], Descriptor_: d, Pov: pov})
	})
	n.share(0, r, signbytes.Seconded)
	n.run(time.Second)
	seconded := fmt.Sprint(signbytes.Seconded, " by 0")
	n.heard("one has seconded", nil, []string{seconded}, []string{seconded})

	if got := n.fetch(1, r, 0); !bytes.Equal(got, pov) {
		t.Fatalf("node 1 has a proof of %d bytes", len(got))
	}
	n.share(1, r, signbytes.Valid)
	n.run(time.Second)
	valid := fmt.Sprint(signbytes.Valid, " by 1")
	n.heard("another says that it is valid", []string{valid}, nil, []string{valid})

	n.net.Block(0, 2, true)
	n.net.Block(2, 0, true)
	if got := n.fetch(2, r, 0, 1); !bytes.Equal(got, pov) {
		t.Fatalf("node 2 has a proof of %d bytes", len(got))
	}
	n.share(2, r, signbytes.Valid)
	n.run(time.Second)
	valid = fmt.Sprint(signbytes.Valid, " by 2")
	n.heard("the last says it, too, and the first hears it from the second", []string{valid}, []string{valid}, nil)
}
