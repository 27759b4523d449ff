package misbehaviorarbitration

import (
	"crypto/ed25519"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/statements"
	"github.com/reevenet/reeve/internal/parachain/offence"
	"github.com/reevenet/reeve/overseer/subsystem"
	misbehaviorv1 "github.com/reevenet/reeve/proto/reeve/misbehaviorarbitration/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	"github.com/reevenet/reeve/services/internal/leaf"
)

// maxJudging is how many reports are checked, or wait for the disk, at a time; more are dropped. They come from this
// node's own candidate-backing, which tells few things of each validator on each leaf.
const maxJudging = 256

// onMisbehaviorReport takes what contradicts itself, and asks who signs in its session.
func (a *arbitration) onMisbehaviorReport(r *misbehaviorv1.MisbehaviorReport) {
	f, err := offence.Read(r)
	if err != nil {
		a.doubt(err)
		return
	}
	id := f.ID()
	switch {
	case a.shelf.byID[id] != nil || a.judging[id]:
		return
	case len(a.judging) >= maxJudging:
		a.dropped++
		a.sub.Log.Warn("a report of misbehavior is dropped: too many are being checked", "kind", f.Kind)
		return
	}
	a.judging[id] = true
	wants := leaf.Validators | leaf.Session
	if f.Kind == statements.Unauthorized {
		wants |= leaf.Groups | leaf.Cores
	}
	leaf.Ask(a.sub, f.Context.RelayParent, wants, func(facts *leaf.Facts, err error) {
		if err != nil {
			delete(a.judging, id)
			a.dropped++
			a.sub.Log.Warn("a report of misbehavior can't be checked", "kind", f.Kind, "err", err)
			return
		}
		a.prove(id, f, r, facts)
	})
}

// doubt drops what proves nothing.
func (a *arbitration) doubt(err error) {
	a.unproved++
	a.sub.Log.Warn("a report of misbehavior is dropped", "err", err)
}

// prove holds a report against the relay parent's state, and its signatures against the session's keys.
func (a *arbitration) prove(id primitives.Hash, f offence.Finding, r *misbehaviorv1.MisbehaviorReport,
	facts *leaf.Facts) {
	group := groupOf(facts, f)
	e := &misbehaviorv1.QueryEvidenceResponse{
		Id: id[:], Report: r, RecordedMillis: a.sub.Now().UnixMilli(), Group: group,
	}
	all, offends := f.Signatories()
	for _, v := range all {
		if int64(v) < int64(len(facts.Validators)) {
			e.Signatories = append(e.Signatories, &misbehaviorv1.Signatory{
				Index: v, Validator: facts.Validators[v], Offender: offends(v),
			})
		}
	}
	key := func(v uint32) ed25519.PublicKey {
		if int64(v) >= int64(len(facts.Validators)) {
			return nil
		}
		return facts.Validators[v].GetPublicKey()
	}
	subsystem.Offload(a.sub, func() (struct{}, error) { return struct{}{}, holds(f, e, facts.Session, key) },
		func(_ struct{}, err error) {
			if err != nil {
				delete(a.judging, id)
				a.doubt(err)
				return
			}
			a.keep(f, e)
		})
}

// holds looks at the signatures last: they cost most.
func holds(f offence.Finding, e *misbehaviorv1.QueryEvidenceResponse, session uint32,
	key func(uint32) ed25519.PublicKey) error {
	switch size := proto.Size(e); {
	case f.Context.Session != session:
		return fmt.Errorf("%w: the relay parent's session is %d, not %d",
			offence.ErrUnproved, session, f.Context.Session)
	case size > offence.MaxFile:
		return fmt.Errorf("%w: it has %d bytes", offence.ErrUnproved, size)
	}
	if err := f.Trespasses(e.GetGroup()); err != nil {
		return err
	}
	return f.Prove(key)
}

// groupOf is the group that backs the para of an unauthorized statement's candidate; nil: none does.
func groupOf(facts *leaf.Facts, f offence.Finding) []uint32 {
	for core, state := range facts.Cores {
		group, ok := facts.Rotation.GroupForCore(uint32(core), uint32(len(facts.Groups)))
		if ok && serves(state, f.Para) {
			return facts.Groups[group]
		}
	}
	return nil
}

// serves tells whether a para's candidate may be put on a core, now or when it is free.
func serves(core *primitivesv1.CoreState, para uint32) bool {
	o := core.GetOccupied()
	may := []*primitivesv1.ScheduledCore{core.GetScheduled(), o.GetNextUpOnAvailable(), o.GetNextUpOnTimeOut()}
	return slices.ContainsFunc(may, func(s *primitivesv1.ScheduledCore) bool { return s != nil && s.GetPara() == para })
}

// keep writes evidence, for as often as it takes, and tells of it when it is durable.
func (a *arbitration) keep(f offence.Finding, e *misbehaviorv1.QueryEvidenceResponse) {
	p := pieceOf(e, f)
	subsystem.Offload(a.sub, func() (struct{}, error) { return struct{}{}, a.files.write(p.id, e) },
		func(_ struct{}, err error) {
			if err != nil {
				a.fail(err)
				a.sub.After(retry, func() { a.keep(f, e) })
				return
			}
			delete(a.judging, p.id)
			a.trouble = ""
			a.kept++
			a.sub.Log.Warn("evidence against a validator", "kind", f.Kind, "id", p.id.Short(),
				"session", f.Context.Session)
			a.forget(a.shelf.add(p))
			a.sub.About(f.Context.RelayParent[:], "evidence", func() { a.tell(e) })
		})
}

// fail notes that the disk does.
func (a *arbitration) fail(err error) {
	if a.trouble == "" {
		a.sub.Log.Error("evidence can't be kept now; it will be tried again", "err", err)
	}
	a.trouble = err.Error()
}

// forget removes what has made room.
func (a *arbitration) forget(gone []*piece) {
	if len(gone) == 0 {
		return
	}
	subsystem.Offload(a.sub, func() (struct{}, error) { return struct{}{}, a.files.remove(gone) },
		func(_ struct{}, err error) {
			if err != nil {
				a.sub.Log.Warn("older evidence can't be removed", "err", err)
			}
		})
}
