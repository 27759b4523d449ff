package candidatebacking

import (
	"crypto/ed25519"
	"slices"

	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/core/statements"
	"github.com/reevenet/reeve/overseer/subsystem"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	runtimeapiv1 "github.com/reevenet/reeve/proto/reeve/runtimeapi/v1"
	"github.com/reevenet/reeve/services/internal/leaf"
)

// maxEarly is how much may wait for a leaf's facts: what comes before them is from this node's own subsystems, which
// have bounds of their own for each peer.
const maxEarly = 1024

// job is the work on one leaf.
type job struct {
	*backing
	leaf  leaf.Leaf
	ended bool
	end   func()

	facts *leaf.Facts // nil until they are known
	early []func(*job)
	// failed says why the facts will never be known.
	failed error

	// seats are the cores that wait for a candidate, by para.
	seats map[uint32]seat
	// own is the para that this validator's group backs; mine says that there is one.
	own  uint32
	mine bool

	table    *statements.Table
	receipts map[primitives.Hash]candidate.CommittedReceipt // of candidates in the table
	spoken   map[primitives.Hash]bool                       // candidates that are being judged here, or were
	// unfetched are the judgements for which nobody has sent the proof of validity yet.
	unfetched map[primitives.Hash]*cause
	seconded  bool
	watchers  []*subsystem.Message
}

// seat is a core that waits for a para's candidate, or will when the one on it has become available.
type seat struct {
	collator   []byte // the only one that may make it; empty: any may
	group      []uint32
	assumption runtimeapiv1.OccupiedCoreAssumption
	// before is the height of the relay parent of the candidate on it; 0: there is none.
	before uint64
}

func (b *backing) begin(l leaf.Leaf) *job {
	j := &job{
		backing: b, leaf: l, seats: map[uint32]seat{}, receipts: map[primitives.Hash]candidate.CommittedReceipt{},
		spoken: map[primitives.Hash]bool{}, unfetched: map[primitives.Hash]*cause{},
	}
	cancel := leaf.Ask(b.sub, l.Hash, wants, j.learn)
	j.end = func() {
		j.ended = true
		cancel()
		for _, m := range j.watchers {
			m.End()
		}
	}
	return j
}

// learn begins the work, with what came early.
func (j *job) learn(f *leaf.Facts, err error) {
	if err != nil {
		j.failed, j.early = err, nil
		j.sub.Log.Warn("a leaf can't be worked on", "err", err)
		for _, m := range j.watchers {
			refuseWatcher(m, refusalRuntime)
		}
		j.watchers = nil
		return
	}
	j.facts = f
	groups := map[uint32][]uint32{}
	for core, state := range f.Cores {
		if group, ok := f.Rotation.GroupForCore(uint32(core), uint32(len(f.Groups))); ok {
			j.assign(groups, f.Groups[group], state)
		}
	}
	j.table = statements.New(statements.Config{Validators: len(f.Validators), Groups: groups})
	j.prepare()
	early := j.early
	j.early = nil
	for _, do := range early {
		do(j)
	}
}

// assign notes what a core waits for.
func (j *job) assign(groups map[uint32][]uint32, group []uint32, state *primitivesv1.CoreState) {
	scheduled, s := state.GetScheduled(), seat{group: group, assumption: free}
	if next := state.GetOccupied().GetNextUpOnAvailable(); next != nil {
		scheduled, s.assumption = next, included
		s.before = state.GetOccupied().GetOccupiedSince() - 1
	}
	if scheduled == nil {
		return
	}
	s.collator = scheduled.GetCollator()
	j.seats[scheduled.GetPara()], groups[scheduled.GetPara()] = s, group
	if j.facts.Own >= 0 && slices.Contains(group, uint32(j.facts.Own)) {
		j.own, j.mine = scheduled.GetPara(), true
	}
}

const (
	free     = runtimeapiv1.OccupiedCoreAssumption_OCCUPIED_CORE_ASSUMPTION_FREE
	included = runtimeapiv1.OccupiedCoreAssumption_OCCUPIED_CORE_ASSUMPTION_INCLUDED
)

// soon does something when the facts are known.
func (j *job) soon(what string, do func(*job)) {
	switch {
	case j.failed != nil:
	case j.facts != nil:
		do(j)
	case len(j.early) >= maxEarly:
		j.sub.Log.Warn("dropped: too much waits for the leaf's facts", "what", what)
	default:
		j.early = append(j.early, do)
	}
}

func (j *job) context() signbytes.Context {
	return signbytes.Context{Session: j.facts.Session, RelayParent: j.leaf.Hash}
}

func (j *job) key(validator uint32) ed25519.PublicKey {
	if int64(validator) >= int64(len(j.facts.Validators)) {
		return nil
	}
	return j.facts.Validators[validator].GetPublicKey()
}
