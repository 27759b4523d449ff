package collator

import (
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/parachain"
	"github.com/reevenet/reeve/overseer/subsystem"
	candidateselectionv1 "github.com/reevenet/reeve/proto/reeve/candidateselection/v1"
	collatorv1 "github.com/reevenet/reeve/proto/reeve/collator/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	"github.com/reevenet/reeve/services/internal/seat"
)

// self stands for this node among the validators of a group.
var self = primitives.NodeID{}

const (
	// handOver is how long candidate-selection may take to answer.
	handOver = 5 * time.Second
	// silence is how long there may be no news: longer than a collation lives, or a set of validators.
	silence = 24 * time.Hour
)

// offer offers a collation to every validator that can be told and wasn't.
func (col *collation) offer() {
	if col.ended || col.relayParent.ended {
		return
	}
	for _, id := range col.group {
		p := col.peers[id]
		switch {
		case col.offered[id]:
		case id == self:
			col.offered[id] = true
			col.handOver()
		case p != nil && slices.Contains(p.view, col.relayParent.leaf.Hash):
			col.offered[id] = true
			col.advertise(id)
		}
	}
}

// offerAll offers what is under way, for something has changed with the peers.
func (c *collator) offerAll() {
	for _, col := range c.order {
		col.offer()
	}
}

// advertise declares and then offers: a validator whose candidate-selection was started anew knows nobody.
func (col *collation) advertise(id primitives.NodeID) {
	col.counts.advertised++
	for _, m := range []*collatorv1.ToValidator{
		{Kind: &collatorv1.ToValidator_Declare{Declare: &collatorv1.Declare{Collator: col.key, Para: col.para}}},
		{Kind: &collatorv1.ToValidator_Advertise{Advertise: &collatorv1.Advertise{
			Receipt: parachain.ReceiptMessage(col.receipt), PovSize: col.size}}},
	} {
		payload, err := proto.Marshal(m)
		if err != nil { // impossible but for running out of memory
			panic(err)
		}
		col.sub.Send(&nbv1.SendMessage{Peers: [][]byte{id[:]}, Protocol: collatorv1.ToValidators, Payload: payload})
	}
}

// handOver gives a collation to the validator on this node, and follows it there.
func (col *collation) handOver() {
	parent := col.relayParent.leaf.Hash
	q := &candidateselectionv1.Collation{
		RelayParent: parent[:], Para: col.para, Collator: col.receipt.Descriptor.Collation.Collator[:],
		Receipt: parachain.ReceiptMessage(col.receipt), Pov: col.pov,
	}
	subsystem.Ask(col.sub, q, handOver, func(r *candidateselectionv1.CollationResponse, err error) {
		switch {
		case err != nil:
			col.onOutcome(self, refusedStatus(nodeFault, err.Error()))
		case r.GetRefused() != nil:
			col.onOutcome(self, refusedStatus(r.GetRefused().GetReason(), r.GetRefused().GetDetail()))
		default:
			follow := &candidateselectionv1.CollationOutcome{RelayParent: parent[:], Candidate: col.hash[:]}
			subsystem.Watch(col.sub, follow, silence, func(o *candidateselectionv1.CollationOutcomeResponse) {
				col.onOutcome(self, o.GetStatus())
			}, func(error) {})
		}
	})
}

// reach is whom the bridge is asked to keep connected.
type reach struct {
	ids    []primitives.NodeID
	cancel func()
}

// connect asks for the validators that can back the paras now and after the next rotation, as the highest leaf has it.
func (c *collator) connect() {
	var newest *relayParent
	for _, r := range c.sortedLeaves() {
		if r.facts != nil {
			newest = r
		}
	}
	var ids []primitives.NodeID
	if newest != nil {
		for _, p := range c.collated() {
			ids = append(ids, newest.backers(p.para)...)
		}
	}
	slices.SortFunc(ids, primitives.NodeID.Compare)
	ids = slices.Compact(ids)
	if slices.Equal(ids, c.reach.ids) || len(ids) == 0 && len(c.paras) > 0 {
		return // a para that has no core for now keeps its validators
	}
	before := c.reach.cancel
	c.reach = reach{ids: ids}
	if len(ids) > 0 {
		q := &nbv1.ConnectToValidators{}
		for _, id := range ids {
			q.Validators = append(q.Validators, slices.Clone(id[:]))
		}
		c.reach.cancel = subsystem.Watch(c.sub, q, silence, func(*nbv1.ConnectToValidatorsResponse) {}, c.unreached)
	}
	if before != nil {
		before()
	}
}

// unreached: the bridge has let go of the question. It is asked again with the next leaf.
func (c *collator) unreached(err error) {
	if subsystem.CodeOf(err) != subsystem.Cancelled {
		c.sub.Log.Info("the network bridge no longer keeps the validators connected", "err", err)
		c.reach = reach{}
	}
}

// backers are the nodes of the present group of the para's core, and of the one that comes with the next rotation.
func (r *relayParent) backers(para uint32) (ids []primitives.NodeID) {
	f := r.facts
	next := f.Rotation
	next.Now += next.Frequency
	for _, s := range seat.All(f) {
		if s.Para != para {
			continue
		}
		members := slices.Clone(s.Group)
		if g, ok := next.GroupForCore(s.Core, uint32(len(f.Groups))); ok {
			members = append(members, f.Groups[g]...)
		}
		for _, v := range members {
			if int64(v) < int64(len(f.Validators)) && int(v) != f.Own {
				id, err := primitives.NodeIDFrom(f.Validators[v].GetNodeId())
				if err == nil {
					ids = append(ids, id)
				}
			}
		}
	}
	return ids
}
