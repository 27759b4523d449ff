package networkbridge

import (
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/reputation"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
)

// What a peer's faults cost it. At reputation.Threshold it is banned.
const (
	costMalformed   = -500
	costProtocol    = -300
	costUnknown     = -50
	costUnconnected = -50
	costFlood       = -20
	costUnsolicited = -10
	costOverBudget  = -2
)

// onReportPeer enters a subsystem's judgement. The ledger clamps it.
func (b *bridge) onReportPeer(from string, r *nbv1.ReportPeer) {
	if id, ok := b.nodeID(r.GetPeer()); ok && b.isKnown(id) {
		b.judge(id, from, r.GetCostBenefit(), r.GetReason())
	}
}

// isKnown keeps subsystems from filling the ledger with peers that never were here, and with the node itself.
func (b *bridge) isKnown(id primitives.NodeID) bool {
	return id != b.self && (b.peers[id] != nil || b.book.Addresses(id) != nil || b.validators[id] > 0)
}

// punish enters what the bridge itself has seen.
func (b *bridge) punish(id primitives.NodeID, cost int32, reason string) {
	b.judge(id, Name, cost, reason)
}

func (b *bridge) judge(id primitives.NodeID, source string, value int32, reason string) {
	switch b.ledger.Report(id, source, value, b.sub.Now()) {
	case reputation.Kept:
		b.sub.Log.Debug("peer reported", "peer", id.String(), "by", source, "value", value, "reason", reason)
	case reputation.Spared:
		if b.spared++; powerOfTwo(b.spared) {
			b.sub.Log.Warn("a validator would be banned, but a fifth of the stake is already", "peer", id.String(), "by", source, "reason", reason, "so_far", b.spared)
		}
	case reputation.Banned:
		b.sub.Log.Warn("peer banned", "peer", id.String(), "by", source, "reason", reason, "for", reputation.Ban.String())
		b.book.Postpone(id, b.sub.Now().Add(reputation.Ban))
		b.turnAway(id, "banned: "+reason)
	}
}

func (b *bridge) onSetValidators(s *nbv1.SetValidators) {
	stake := make(map[primitives.NodeID]uint64, len(s.GetValidators()))
	for _, v := range s.GetValidators() {
		if id, ok := b.nodeID(v.GetNodeId()); ok && v.GetStake() > 0 {
			stake[id] = v.GetStake()
		}
	}
	b.setValidators(stake)
	b.call()
}

// setValidators takes a new set: seats, budgets and the ledger follow it.
func (b *bridge) setValidators(stake map[primitives.NodeID]uint64) {
	was := b.validators
	b.validators = stake
	now := b.sub.Now()
	for _, id := range b.ledger.SetValidators(stake, now) {
		b.sub.Log.Warn("a ban was lifted: too much of the stake would be banned", "peer", id.String())
	}
	for _, id := range b.order {
		if b.seats.Reserve(id, b.isReserved(id)); (was[id] > 0) != (stake[id] > 0) {
			b.budget(b.peers[id])
		}
	}
}
