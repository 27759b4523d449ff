package snowman

import (
	"slices"
	"time"

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
		u.rest.adopt(b)
	}
	if u.ancestry.left() == 0 && len(u.accepted.pending) == 0 {
		u.round, u.behind, u.at, u.retry = round{}, time.Time{}, 0, time.Time{}
		u.rest.arrived()
	}
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
	for _, n := range u.from {
		if u.roster.peers[n] == nil {
			continue
		}
		id, want := u.asking.nextID(), u.ancestry.want
		get := func(n primitives.NodeID) Action { return SendGetAncestors{Node: n, RequestID: id, ID: want} }
		if len(u.asking.open(id, requests.Ancestors, get, n)) == 1 {
			u.request = id
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
	taken, beside := u.ancestry.add(u.chain, u.accepted.root, in.Containers)
	switch {
	case beside:
		u.giveUp()
	case taken > 0:
		u.failed = 0
	default:
		u.unlucky(in.Node)
		u.emit(Report{Node: in.Node, Cost: costUseless, Reason: "no ancestors of a block that it has accepted"})
	}
}

// unlucky moves a peer that didn't deliver to the end, and pauses.
func (u *catchUp) unlucky(n primitives.NodeID) {
	u.retry = u.now.Add(catchUpWait)
	u.failed++
	if i := slices.Index(u.from, n); i >= 0 {
		u.from = append(slices.Delete(u.from, i, i+1), n)
	}
}
