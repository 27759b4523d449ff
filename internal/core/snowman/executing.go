package snowman

import (
	"slices"
	"time"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/requests"
)

// The last stage of catching up: ancestors are fetched from those who have accepted the target, one request at a time,
// and passed to the VM.

// execute passes the next blocks to the VM and has those fetched that are missing.
func (u *catchUp) execute() {
	if !u.ancestry.whole {
		u.fetch()
		return
	}
	for u.ancestry.left() > 0 && len(u.accepted.pending) < window {
		b := u.ancestry.next()
		if b == nil {
			u.fetch()
			return
		}
		if !u.take(b) {
			return
		}
	}
	if u.ancestry.left() > 0 {
		return
	}
	if u.ancestry.climb() {
		u.fetch()
		return
	}
	if len(u.accepted.pending) == 0 {
		u.round, u.behind, u.at, u.retry = round{}, time.Time{}, 0, time.Time{}
		u.rest.arrived()
	}
}

// take accepts a block with the certificate that came with it. False: that isn't one, so the block is asked of others.
func (u *catchUp) take(b *block.Block) bool {
	if b.Height <= u.accepted.root.Height {
		u.ancestry.forget(b.ID()) // votes have decided it meanwhile
		return true
	}
	c := u.ancestry.certificate(b.ID())
	p, why := u.certifies(c.bytes, b)
	if why != "" {
		u.ancestry.putBack(b)
		u.unlucky(c.from)
		u.distrust(c.from, why)
		return false
	}
	u.rest.adopt(b, p)
	u.ancestry.forget(b.ID())
	return true
}

// distrust is for a peer that says that a block is decided and can't prove it.
func (u *catchUp) distrust(n primitives.NodeID, why string) {
	if p := u.roster.peers[n]; p != nil {
		p.unproven = true
	}
	u.emit(Report{Node: n, Cost: costForged, Reason: why})
}

func (u *catchUp) fetch() {
	if u.request != 0 || u.now.Before(u.retry) {
		return
	}
	if u.failed > len(u.from) {
		u.failed = 0
		u.abandon() // it may be the genesis block, or nobody keeps so old a block
		return
	}
	for _, n := range u.sources() {
		id, want := u.asking.nextID(), u.ancestry.want
		get := func(n primitives.NodeID) Action { return SendGetAncestors{Node: n, RequestID: id, ID: want} }
		if len(u.asking.open(id, requests.Ancestors, get, n)) == 1 {
			u.request, u.requested = id, u.now
			u.emit(get(n))
			return
		}
	}
	u.abandon()
}

// abandon begins again with whoever is connected now. What has been passed to the VM becomes durable all the same.
func (u *catchUp) abandon() {
	if len(u.accepted.pending) == 0 {
		u.giveUp()
	} else {
		u.retry = u.now.Add(catchUpWait)
	}
}

func (u *catchUp) onAncestors(in Ancestors) {
	if u.stage != fetchingAncestors || in.RequestID != u.request {
		return
	}
	u.request = 0
	if why := u.unprovenTarget(in); why != "" {
		u.unlucky(in.Node)
		u.distrust(in.Node, why)
		return
	}
	taken, beside := u.ancestry.add(u.chain, u.accepted.root, in)
	switch {
	case beside:
		u.lookBeside(in, taken-1)
		u.giveUp()
	case taken > 0:
		u.failed = 0
		u.measure(in.Node, taken)
	default:
		u.unlucky(in.Node)
		u.emit(Report{Node: in.Node, Cost: costUseless, Reason: "no ancestors of a block that it has accepted"})
	}
}

// lookBeside looks at a block that isn't above the last accepted one and leads to a proven target: if another one was
// accepted at its height, and this one has its certificate, the chain is forked.
func (u *catchUp) lookBeside(in Ancestors, i int) {
	if b, err := block.Decode(u.chain, in.Containers[i]); err == nil {
		u.certified(in.Node, b, at(in.Certificates, i))
	}
}

// unprovenTarget checks the certificate of the target, when that is what was asked for: everything below is tied to it.
func (u *catchUp) unprovenTarget(in Ancestors) (why string) {
	if len(u.ancestry.ids) > 0 || len(in.Containers) == 0 {
		return ""
	}
	b, err := block.Decode(u.chain, in.Containers[0])
	if err != nil || b.ID() != u.ancestry.want {
		return ""
	}
	_, why = u.certifies(at(in.Certificates, 0), b)
	return why
}

// unlucky moves a peer that didn't deliver to the end, and pauses.
func (u *catchUp) unlucky(n primitives.NodeID) {
	u.measure(n, 0)
	u.retry = u.now.Add(catchUpWait)
	u.failed++
	if i := slices.Index(u.from, n); i >= 0 {
		u.from = append(slices.Delete(u.from, i, i+1), n)
	}
}
