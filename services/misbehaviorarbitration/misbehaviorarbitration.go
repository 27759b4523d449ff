// Package misbehaviorarbitration turns contradictions between signed statements into evidence: checked, stored durably,
// each once, given to the provisioner for the next blocks, and exportable as a file that anybody can verify.
//
// It receives MisbehaviorReport from candidate-backing and QueryEvidence from operators' tools. It verifies every
// signature before it believes anything (internal/parachain/offence), and tells the provisioner only what is on the
// disk. It settles nothing: who of those that disagree is wrong, and what an offence costs, is the relay chain's
// business.
package misbehaviorarbitration

import (
	"crypto/ed25519"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/parachain/offence"
	"github.com/reevenet/reeve/internal/store/disk"
	"github.com/reevenet/reeve/overseer/subsystem"
	misbehaviorv1 "github.com/reevenet/reeve/proto/reeve/misbehaviorarbitration/v1"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	provisionerv1 "github.com/reevenet/reeve/proto/reeve/provisioner/v1"
	"github.com/reevenet/reeve/services/internal/leaf"
)

// Name is the subsystem's name.
const Name = "misbehavior-arbitration"

// Config is what misbehavior-arbitration needs.
type Config struct {
	// Chain is the relay chain.
	Chain string
	// Disk and Dir are where evidence is kept.
	Disk disk.Disk
	Dir  string
}

// Spec declares misbehavior-arbitration.
func Spec(cfg Config) subsystem.Spec {
	return subsystem.Spec{
		Name:  Name,
		Class: subsystem.Single,
		Sends: []proto.Message{&provisionerv1.ProvisionableData{}},
		Asks:  leaf.Asks(leaf.Validators),
		New: func(sub *subsystem.Sub) (subsystem.Handler, error) {
			a := &arbitration{
				sub: sub, jobs: leaf.Jobs[struct{}]{Chain: cfg.Chain}, judging: map[primitives.Hash]bool{},
				shelf: &shelf{disk: cfg.Disk, dir: cfg.Dir, byID: map[primitives.Hash]*piece{}, of: map[string]int{}},
			}
			a.load()
			return a, nil
		},
	}
}

const (
	// maxJudging is how many reports are checked at a time; more are dropped, and come again with the next statement
	// that contradicts.
	maxJudging = 256
	// toldLeaves is on how many leaves the provisioner is offered a report: by then a block has it, or none will.
	toldLeaves = 32
	// maxPending is how many reports are offered at a time.
	maxPending = 64
)

// arbitration is the handler.
type arbitration struct {
	sub     *subsystem.Sub
	jobs    leaf.Jobs[struct{}]
	shelf   *shelf
	ready   bool // what is on the disk is known
	early   []*subsystem.Message
	judging map[primitives.Hash]bool
	pending []pending
	follow  []*follower

	kept, unproved, dropped int64
	trouble                 string
}

// pending is a report that the next leaves' provisioners are offered.
type pending struct {
	report *misbehaviorv1.MisbehaviorReport
	left   int
}

// Signal offers the provisioner of a new leaf what the chain may not know yet.
func (a *arbitration) Signal(sig *overseerv1.Signal) {
	a.jobs.Signal(sig, func(l leaf.Leaf) struct{} {
		for i := range a.pending {
			a.offer(l.Hash, a.pending[i].report)
			a.pending[i].left--
		}
		a.pending = slices.DeleteFunc(a.pending, func(p pending) bool { return p.left <= 0 })
		return struct{}{}
	}, nil)
}

func (a *arbitration) offer(leaf primitives.Hash, r *misbehaviorv1.MisbehaviorReport) {
	a.sub.Send(&provisionerv1.ProvisionableData{RelayParent: leaf[:],
		Kind: &provisionerv1.ProvisionableData_MisbehaviorReport{MisbehaviorReport: r}})
}

// Handle takes one message.
func (a *arbitration) Handle(m *subsystem.Message) {
	switch body := m.Body.(type) {
	case *misbehaviorv1.MisbehaviorReport:
		a.onMisbehaviorReport(body)
	case *misbehaviorv1.QueryEvidence:
		a.onQueryEvidence(m, body)
	default:
		m.Unknown()
	}
}

func (a *arbitration) onMisbehaviorReport(r *misbehaviorv1.MisbehaviorReport) {
	f, err := offence.Read(r)
	id := f.ID()
	switch {
	case err != nil:
		a.unproved++
		a.sub.Log.Warn("a report of misbehavior is dropped", "err", err)
		return
	case a.shelf.byID[id] != nil || a.judging[id]:
		return
	case len(a.judging) >= maxJudging:
		a.dropped++
		return
	}
	a.judging[id] = true
	leaf.Ask(a.sub, f.Context.RelayParent, leaf.Validators, func(facts *leaf.Facts, err error) {
		if err != nil {
			delete(a.judging, id)
			a.sub.Log.Warn("a report of misbehavior can't be checked", "err", err)
			return
		}
		a.prove(id, f, r, facts.Validators)
	})
}

// prove checks the signatures and writes what holds.
func (a *arbitration) prove(id primitives.Hash, f offence.Finding, r *misbehaviorv1.MisbehaviorReport,
	validators []*primitivesv1.Validator) {
	key := func(v uint32) ed25519.PublicKey {
		if int64(v) >= int64(len(validators)) {
			return nil
		}
		return validators[v].GetPublicKey()
	}
	subsystem.Offload(a.sub, func() (struct{}, error) { return struct{}{}, f.Prove(key) }, func(_ struct{}, err error) {
		if err != nil {
			delete(a.judging, id)
			a.unproved++
			a.sub.Log.Warn("a report of misbehavior is dropped", "err", err)
			return
		}
		e := &misbehaviorv1.QueryEvidenceResponse{Id: id[:], Report: r, RecordedMillis: a.sub.Now().UnixMilli()}
		all, offends := f.Signatories()
		for _, v := range all {
			e.Signatories = append(e.Signatories, &misbehaviorv1.Signatory{
				Index: v, Validator: validators[v], Offender: offends(v),
			})
		}
		a.keep(id, f, e)
	})
}

// keep writes evidence, and tells the provisioner when it is durable.
func (a *arbitration) keep(id primitives.Hash, f offence.Finding, e *misbehaviorv1.QueryEvidenceResponse) {
	if !a.shelf.room(e) {
		delete(a.judging, id)
		a.dropped++
		a.sub.Log.Warn("there is as much evidence against a validator as is kept", "kind", f.Kind)
		return
	}
	subsystem.Offload(a.sub, func() (struct{}, error) { return struct{}{}, a.shelf.write(id, e) },
		func(_ struct{}, err error) {
			delete(a.judging, id)
			if err != nil {
				a.trouble = err.Error()
				a.sub.Log.Error("evidence can't be written", "err", err)
				return
			}
			a.trouble = ""
			a.kept++
			a.shelf.add(id, e)
			a.sub.Log.Warn("evidence against a validator", "kind", f.Kind, "id", id.Short(), "session", f.Context.Session)
			a.tell(e)
		})
}

// tell gives the provisioner and those who follow what is durable now.
func (a *arbitration) tell(e *misbehaviorv1.QueryEvidenceResponse) {
	for hash := range a.jobs.All() {
		a.offer(hash, e.GetReport())
	}
	if len(a.pending) >= maxPending {
		a.pending = a.pending[1:]
	}
	a.pending = append(a.pending, pending{e.GetReport(), toldLeaves})
	for _, w := range a.follow {
		w.give(e)
	}
}

// Status says how misbehavior-arbitration is.
func (a *arbitration) Status(s *subsystem.Status) {
	s.Check("evidence", a.trouble)
	s.Number("evidence", int64(len(a.shelf.order)))
	s.Number("kept", a.kept)
	s.Number("unproved", a.unproved)
	s.Number("dropped", a.dropped)
}

// retry is the pause before the directory of evidence is read again.
const retry = 5 * time.Second

func (a *arbitration) load() {
	subsystem.Offload(a.sub, a.shelf.read, func(found []*misbehaviorv1.QueryEvidenceResponse, err error) {
		if err != nil {
			a.trouble = err.Error()
			a.sub.After(retry, a.load)
			return
		}
		for _, e := range found {
			a.shelf.add(primitives.Hash(e.GetId()), e)
		}
		a.ready, a.trouble = true, ""
		early := a.early
		a.early = nil
		for _, m := range early {
			a.Handle(m)
		}
	})
}
