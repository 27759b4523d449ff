// Package misbehaviorarbitration turns contradictions between signed statements into evidence: checked, stored durably,
// each once, given to the provisioner for the next blocks, and exportable as a file that anybody can verify.
//
// It receives MisbehaviorReport from candidate-backing and QueryEvidence from operators' tools. It verifies every
// signature before it believes anything (internal/parachain/offence), and tells the provisioner only what is on the
// disk. It settles nothing: who of those that disagree is wrong, and what an offence costs, is the relay chain's
// business.
package misbehaviorarbitration

import (
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/store/disk"
	"github.com/reevenet/reeve/overseer/subsystem"
	misbehaviorv1 "github.com/reevenet/reeve/proto/reeve/misbehaviorarbitration/v1"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
	provisionerv1 "github.com/reevenet/reeve/proto/reeve/provisioner/v1"
	"github.com/reevenet/reeve/services/internal/leaf"
)

// Name is the subsystem's name.
const Name = "misbehavior-arbitration"

// Config is what misbehavior-arbitration needs.
type Config struct {
	// Chain is the relay chain.
	Chain string
	// Disk and Dir are where evidence is kept, one file for each piece.
	Disk disk.Disk
	Dir  string
}

// Spec declares misbehavior-arbitration.
func Spec(cfg Config) subsystem.Spec {
	return subsystem.Spec{
		Name:  Name,
		Class: subsystem.Single,
		Sends: []proto.Message{&provisionerv1.ProvisionableData{}},
		Asks:  leaf.Asks(0),
		New: func(sub *subsystem.Sub) (subsystem.Handler, error) {
			a := &arbitration{
				sub: sub, jobs: leaf.Jobs[struct{}]{Chain: cfg.Chain}, judging: map[primitives.Hash]bool{},
				files: &files{disk: cfg.Disk, dir: cfg.Dir, log: sub.Log}, shelf: newShelf(),
			}
			a.load()
			return a, nil
		},
	}
}

const (
	// toldLeaves is on how many new leaves the provisioner is offered a report: by then a block has it, or none will.
	toldLeaves = 32
	// maxPending is how many reports are offered at a time.
	maxPending = 64
)

// arbitration is the handler.
type arbitration struct {
	sub     *subsystem.Sub
	jobs    leaf.Jobs[struct{}]
	files   *files
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

// tell gives the provisioner and those who follow what is durable now.
func (a *arbitration) tell(e *misbehaviorv1.QueryEvidenceResponse) {
	a.pend(e.GetReport())
	for _, w := range a.follow {
		w.give(e)
	}
}

// pend offers a report on the leaves that there are, and on some that come.
func (a *arbitration) pend(r *misbehaviorv1.MisbehaviorReport) {
	if len(a.pending) >= maxPending {
		a.pending = a.pending[1:]
	}
	a.pending = append(a.pending, pending{r, toldLeaves})
	for hash := range a.jobs.All() {
		a.offer(hash, r)
	}
}

// Status says how misbehavior-arbitration is.
func (a *arbitration) Status(s *subsystem.Status) {
	s.Check("evidence", a.trouble)
	s.Number("evidence", int64(len(a.shelf.order)))
	s.Number("judging", int64(len(a.judging)))
	s.Number("kept", a.kept)
	s.Number("unproved", a.unproved)
	s.Number("dropped", a.dropped)
}

// retry is the pause after the disk has failed.
const retry = 5 * time.Second

// load reads what is on the disk. What was found last before this process began may not be the chain's yet: it is
// offered again.
func (a *arbitration) load() {
	subsystem.Offload(a.sub, a.files.read, func(found []*piece, err error) {
		if err != nil {
			a.fail(err)
			a.sub.After(retry, a.load)
			return
		}
		for _, p := range found {
			a.forget(a.shelf.add(p))
		}
		for _, p := range a.shelf.order[max(0, len(a.shelf.order)-maxPending):] {
			a.pend(p.GetReport())
		}
		a.ready, a.trouble = true, ""
		early := a.early
		a.early = nil
		for _, m := range early {
			a.Handle(m)
		}
	})
}
