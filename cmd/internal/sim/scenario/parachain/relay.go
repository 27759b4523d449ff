package parachain

import (
	"context"
	"errors"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/cmd/internal/parachecker"
	"github.com/reevenet/reeve/cmd/internal/sim"
	"github.com/reevenet/reeve/cmd/internal/sim/scenario/validatornet"
	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/erasure"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/snowball"
	"github.com/reevenet/reeve/internal/process/genesis"
	provisionerv1 "github.com/reevenet/reeve/proto/reeve/provisioner/v1"
	runtimeapiv1 "github.com/reevenet/reeve/proto/reeve/runtimeapi/v1"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	"github.com/reevenet/reeve/vmhost/chainstore"
	"github.com/reevenet/reeve/vmhost/relayvm"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// relay is the relay chain, with what every node has of it.
type relay struct {
	net        *network
	genesis    genesis.Chain
	id         block.Chain
	params     snowball.Parameters
	signatures *validatornet.Signatures
	replicas   []*replica // by node

	final    []primitives.Hash                   // what nodes have accepted; 0 is the genesis block
	names    map[primitives.Hash]primitives.Hash // the VM's of consensus blocks
	waiting  []*block.Block                      // accepted ones that the checker hasn't been told of
	telling  bool
	healedAt uint64 // the height at which all healed

	heights, included, backed, timedOut, reports *uint64
}

// replica is what one node has of it.
type replica struct {
	validatornet.Record
	relay *relay
	node  *sim.Node
	host  *validatornet.Host
}

func newRelay(net *network, g genesis.Chain) *relay {
	id := block.Chain{NetworkID: validatornet.Number, ID: g.ID}
	w := net.World
	return &relay{
		net: net, genesis: g, id: id, params: snowball.For(net.Set.Units()),
		signatures: validatornet.NewSignatures(id, net.Set), names: map[primitives.Hash]primitives.Hash{},
		heights: w.Progress("heights"), included: w.Progress("included"), backed: w.Progress("backed"),
		timedOut: w.Progress("timedOut"), reports: w.Progress("reports"),
	}
}

func (c *relay) add(n *sim.Node) {
	r := &replica{relay: c, node: n}
	r.Record = validatornet.Record{Chain: c.id, Accepted: r.accepted, Violate: r.violate}
	r.host = validatornet.NewHost(n, func() vmsdk.VM { return &relayvm.VM{} }, r.Read)
	c.replicas = append(c.replicas, r)
}

func (r *replica) violate(invariant, format string, args ...any) {
	r.relay.net.World.Violate(invariant, "node %d: "+format, append([]any{r.node.Index}, args...)...)
}

// accepted notes a block that a node has made durable, and that nobody has accepted another one (E1).
func (r *replica) accepted(e *chainstore.Entry, b *block.Block) {
	c, w := r.relay, r.relay.net.World
	w.Clock.Trace.Add(uint64(r.node.Index), e.Height)
	w.Clock.Trace.Bytes(e.BlockID[:])
	if w.Logs() {
		w.Clock.Trace.Logf("relay: node %d accepted %d %s", r.node.Index, e.Height, e.BlockID.Short())
	}
	c.names[e.BlockID] = e.VMBlock
	switch {
	case e.Height < uint64(len(c.final)):
		if c.final[e.Height] != e.BlockID {
			r.violate("E1", "it has accepted %s at height %d, another %s", e.BlockID.Short(), e.Height,
				c.final[e.Height].Short())
		}
		return
	case e.Height > 0:
		*c.heights++
		c.waiting = append(c.waiting, b)
		c.later(0)
	}
	c.final = append(c.final, e.BlockID)
}

// patience is the pause before the VMs are asked again when none answers.
const patience = 50 * time.Millisecond

// later has the checker told of accepted blocks: not in the midst of what is being accepted.
func (c *relay) later(after time.Duration) {
	if !c.telling {
		c.telling = true
		c.net.World.Clock.Do(after, c.tell)
	}
}

func (c *relay) tell() {
	c.telling = false
	for len(c.waiting) > 0 {
		b := c.waiting[0]
		if !c.learn(b.Parent, 0) {
			c.later(patience)
			return
		}
		a, err := c.ask(b.ID(), 0, &runtimeapiv1.RuntimeApiRequest{
			Kind: &runtimeapiv1.RuntimeApiRequest_CandidateEvents{CandidateEvents: &runtimeapiv1.CandidateEvents{}},
		})
		if err != nil {
			c.later(patience)
			return
		}
		c.waiting = c.waiting[1:]
		c.happened(b, a.GetCandidateEvents().GetEvents())
	}
}

// happened tells the checker of an accepted block, and the teams.
func (c *relay) happened(b *block.Block, events []*runtimeapiv1.CandidateEvent) {
	in, err := c.inherent(b)
	if err != nil {
		c.net.World.Violate("P9", "the inherent of accepted block %s can't be read: %v", b.ID().Short(), err)
		return
	}
	*c.reports += uint64(len(in.GetMisbehaviorReports()))
	for _, e := range events {
		switch e.GetKind() {
		case runtimeapiv1.CandidateEvent_KIND_BACKED:
			*c.backed++
			if m := c.net.meter; m != nil && m.counts() {
				m.backed++
			}
		case runtimeapiv1.CandidateEvent_KIND_INCLUDED:
			*c.included++
			if m := c.net.meter; m != nil && m.counts() {
				m.included++
			}
			c.net.teams[e.GetReceipt().GetDescriptor_().GetPara()-firstPara].included(e.GetHeadData())
		case runtimeapiv1.CandidateEvent_KIND_TIMED_OUT:
			*c.timedOut++
		}
	}
	for _, id := range c.net.checker.Accepted(parachecker.Block{
		ID: b.ID(), Parent: b.Parent, Height: b.Height, Inherent: in, Events: events,
	}) {
		c.net.recover(id)
	}
}

func (c *relay) inherent(b *block.Block) (*provisionerv1.InherentData, error) {
	in := &provisionerv1.InherentData{}
	return in, proto.Unmarshal(b.Inherent(), in)
}

// proposed tells the checker of a block that an honest validator shows.
func (c *relay) proposed(b *block.Block) {
	in, err := c.inherent(b)
	if err != nil {
		c.net.World.Violate("P9", "the inherent of block %s, of an honest validator, can't be read: %v",
			b.ID().Short(), err)
		return
	}
	if c.learn(b.Parent, int(b.Proposer)) {
		c.net.checker.Proposed(parachecker.Block{ID: b.ID(), Parent: b.Parent, Height: b.Height, Inherent: in})
	}
}

// learn tells the checker the facts about a relay parent, if some VM that runs knows them, that of the node first.
func (c *relay) learn(relayParent primitives.Hash, node int) bool {
	if c.net.checker.Knows(relayParent) {
		return true
	}
	f, err := parachecker.Ask(relayParent, func(q *runtimeapiv1.RuntimeApiRequest) (
		*runtimeapiv1.RuntimeApiAnswer, error,
	) {
		return c.ask(relayParent, node, q)
	})
	if err != nil {
		return false
	}
	c.net.checker.Learn(f)
	return true
}

var errNobody = errors.New("no VM that runs knows the block")

// ask asks a VM about the state after a block, that of the node first.
func (c *relay) ask(at primitives.Hash, node int, q *runtimeapiv1.RuntimeApiRequest) (*runtimeapiv1.RuntimeApiAnswer,
	error) {
	name, known := c.names[at]
	request, err := proto.Marshal(q)
	if err != nil || !known {
		return nil, errNobody
	}
	for i := range c.replicas {
		p := c.replicas[(node+i)%len(c.replicas)].host.Plugin()
		if p == nil {
			continue
		}
		r, err := pluginv1.NewParachainRuntimeServiceClient(p.Conn()).QueryRuntime(context.Background(),
			&pluginv1.QueryRuntimeRequest{BlockId: name[:], Request: request, ConsensusId: at[:]})
		if err != nil || r.GetError() != nil {
			continue
		}
		a := &runtimeapiv1.RuntimeApiAnswer{}
		return a, proto.Unmarshal(r.GetResponse(), a)
	}
	return nil, errNobody
}

// chunks are those of a candidate that honest validators keep, each its own.
func (net *network) chunks(id primitives.Hash) (list []erasure.Chunk) {
	for v, s := range net.shelves {
		if chunk := s.now().chunk(id, uint32(v)); chunk != nil && !net.lies.is(v) {
			list = append(list, *chunk)
		}
	}
	return list
}

// afterPowerCut reads all that must have survived on a machine.
func (net *network) afterPowerCut(n *sim.Node) {
	net.shelves[n.Index].read = nil
	if !net.lies.is(n.Index) {
		net.read(slices.Clone(net.checker.DueOf(uint32(n.Index))))
	}
}
