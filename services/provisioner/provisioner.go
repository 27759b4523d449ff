// Package provisioner collects what the next block of the relay chain should include, and answers the block's author
// with a selection that the VM has tried.
//
// It receives ProvisionableData from bitfield-distribution, candidate-backing and misbehavior-arbitration, and keeps it
// for as long as its relay parent is a leaf. Whoever may build on the leaf hears of each piece
// (RequestBlockAuthorshipData), and is given a selection (RequestInherentData). Which pieces are chosen, and in which
// order, is a rule of the chain: the VM's CheckInherent applies it, piece by piece, to all that is offered, with the code
// that judges other authors' blocks (internal/core/inherent), so what it leaves in passes everywhere. When the VM can't
// be asked in time the answer is the empty inherent, which is always valid. It never gives the author what hasn't passed
// the dry run.
//
// It asks the relay chain's VM and sends nothing.
package provisioner

import (
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/subsystem"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
	provisionerv1 "github.com/reevenet/reeve/proto/reeve/provisioner/v1"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	"github.com/reevenet/reeve/services/internal/leaf"
)

// Name is the subsystem's name.
const Name = "provisioner"

// Config is what the provisioner needs.
type Config struct {
	// Chain is the relay chain.
	Chain string
}

// Spec declares the provisioner.
func Spec(cfg Config) subsystem.Spec {
	return subsystem.Spec{
		Name:  Name,
		Class: subsystem.Sharded,
		Asks:  []proto.Message{&pluginv1.CheckInherentRequest{}},
		New: func(sub *subsystem.Sub) (subsystem.Handler, error) {
			return &provisioner{sub: sub, vm: sub.On(cfg.Chain), jobs: leaf.Jobs[*job]{Chain: cfg.Chain}}, nil
		},
	}
}

// provisioner is the handler.
type provisioner struct {
	sub  *subsystem.Sub
	vm   *subsystem.Sub // the way to the relay chain's VM
	jobs leaf.Jobs[*job]

	strays, surplus, refused int64 // pieces, since the process began
	trouble                  string
}

// Signal begins a job with each leaf and ends it with that.
func (p *provisioner) Signal(sig *overseerv1.Signal) {
	p.jobs.Signal(sig, func(l leaf.Leaf) *job { return newJob(l.Hash) },
		func(_ primitives.Hash, j *job) { j.end() })
}

// Handle takes one message.
func (p *provisioner) Handle(m *subsystem.Message) {
	switch body := m.Body.(type) {
	case *provisionerv1.ProvisionableData:
		p.onProvisionableData(body)
	case *provisionerv1.RequestBlockAuthorshipData:
		p.onRequestBlockAuthorshipData(m, body)
	case *provisionerv1.RequestInherentData:
		p.onRequestInherentData(m, body)
	default:
		m.Unknown()
	}
}

func (p *provisioner) onProvisionableData(d *provisionerv1.ProvisionableData) {
	j, active := p.jobs.Get(d.GetRelayParent())
	if !active {
		p.strays++
		p.sub.Log.Debug("data for a block that is no leaf", "kind", kindOf(d))
		return
	}
	switch j.take(d) {
	case taken:
		j.tell(d)
	case full:
		p.surplus++
		p.sub.Log.Warn("more than a leaf may have: dropped", "kind", kindOf(d), "parent", j.hash.Short())
	case known:
	}
}

func (p *provisioner) onRequestBlockAuthorshipData(m *subsystem.Message, r *provisionerv1.RequestBlockAuthorshipData) {
	j, active := p.jobs.Get(r.GetRelayParent())
	if !active {
		m.End()
		return
	}
	if len(j.watchers) >= maxWatchers {
		m.Fail(subsystem.Failf(subsystem.Overloaded, "%d watch this leaf already", maxWatchers))
		return
	}
	j.watch(m)
}

// Status says how the provisioner is.
func (p *provisioner) Status(s *subsystem.Status) {
	s.Check("dry-run", p.trouble)
	s.Number("leaves", int64(p.jobs.Len()))
	s.Number("strays", p.strays)
	s.Number("surplus", p.surplus)
	s.Number("refused", p.refused)
}
