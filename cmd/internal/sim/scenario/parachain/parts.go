package parachain

import (
	"github.com/reevenet/reeve/cmd/internal/sim"
	"github.com/reevenet/reeve/cmd/internal/sim/scenario/validatornet"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/part"
	"github.com/reevenet/reeve/overseer/subsystem"
	availabilitystorev1 "github.com/reevenet/reeve/proto/reeve/availabilitystore/v1"
	keystorev1 "github.com/reevenet/reeve/proto/reeve/keystore/v1"
	misbehaviorv1 "github.com/reevenet/reeve/proto/reeve/misbehaviorarbitration/v1"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
	"github.com/reevenet/reeve/services"
	"github.com/reevenet/reeve/services/availabilitydistribution"
	"github.com/reevenet/reeve/services/availabilitystore"
	"github.com/reevenet/reeve/services/bitfielddistribution"
	"github.com/reevenet/reeve/services/bitfieldsigning"
	"github.com/reevenet/reeve/services/candidatebacking"
	"github.com/reevenet/reeve/services/candidateselection"
	"github.com/reevenet/reeve/services/candidatevalidation"
	"github.com/reevenet/reeve/services/collator"
	"github.com/reevenet/reeve/services/collator/para"
	"github.com/reevenet/reeve/services/engine"
	"github.com/reevenet/reeve/services/keystore"
	"github.com/reevenet/reeve/services/misbehaviorarbitration"
	nb "github.com/reevenet/reeve/services/networkbridge"
	"github.com/reevenet/reeve/services/povdistribution"
	"github.com/reevenet/reeve/services/provisioner"
	"github.com/reevenet/reeve/services/runtimeapi"
	"github.com/reevenet/reeve/services/statementdistribution"
	"github.com/reevenet/reeve/vmhost"
)

// ports are all parts of a node, with a parachain's block producer beside them.
func (net *network) ports() map[string]func(*sim.Incarnation) subsystem.Spec {
	plain := func(s subsystem.Spec) func(*sim.Incarnation) subsystem.Spec {
		return func(*sim.Incarnation) subsystem.Spec { return s }
	}
	distribution := availabilitydistribution.Spec(availabilitydistribution.Config{Chain: chainName})
	hearsay := statementdistribution.Spec(statementdistribution.Config{Chain: chainName})
	return map[string]func(*sim.Incarnation) subsystem.Spec{
		keystore.Name: net.keystore, nb.Name: net.Bridge, vmhost.Name: net.vmHost, engine.Name: net.engine,
		availabilitystore.Name: net.store, candidatevalidation.Name: net.validation,
		misbehaviorarbitration.Name:   net.arbitration,
		candidatebacking.Name:         net.worksOn(candidatebacking.Spec(candidatebacking.Config{Chain: chainName})),
		bitfieldsigning.Name:          net.worksOn(bitfieldsigning.Spec(bitfieldsigning.Config{Chain: chainName})),
		runtimeapi.Name:               plain(runtimeapi.Spec(runtimeapi.Config{Chain: chainName})),
		availabilitydistribution.Name: plain(distribution),
		bitfielddistribution.Name:     plain(bitfielddistribution.Spec(bitfielddistribution.Config{Chain: chainName})),
		candidateselection.Name:       plain(candidateselection.Spec(candidateselection.Config{Chain: chainName})),
		statementdistribution.Name:    plain(hearsay),
		povdistribution.Name:          plain(povdistribution.Spec(povdistribution.Config{Chain: chainName})),
		provisioner.Name:              plain(provisioner.Spec(provisioner.Config{Chain: chainName})),
		collator.Name:                 plain(collator.Spec(collator.Config{Chain: chainName})),
		para.Role:                     net.producer,
	}
}

// parts lists those of a node: block producers come from outside, and are beside each here.
func parts(ports map[string]func(*sim.Incarnation) subsystem.Spec) (list part.List) {
	for _, p := range sim.Simulated(services.Parts(), ports) {
		p.Outside = false
		list = append(list, p)
	}
	return list
}

func (net *network) vmHost(i *sim.Incarnation) subsystem.Spec {
	return net.relay.replicas[i.Node.Index].host.Spec(i, net.relay.genesis)
}

func (net *network) engine(i *sim.Incarnation) subsystem.Spec {
	return engine.Spec(net.Engine(i, net.relay.genesis, &net.relay.params, net.relay.signatures))
}

// store keeps its things on a log; the checker hears of all that is acknowledged.
func (net *network) store(i *sim.Incarnation) subsystem.Spec {
	v := i.Node.Index
	d := i.Disk()
	spec := availabilitystore.Spec(availabilitystore.Config{
		Chain: chainName, Open: func() (availabilitystore.Disk, error) {
			return net.shelves[v].open(d, func(id primitives.Hash, data bool) { net.stored(v, id, data) })
		},
	})
	if !net.claims {
		return spec
	}
	return watched(spec, watcher{handle: func(m *subsystem.Message) bool {
		_, asked := m.Body.(*availabilitystorev1.QueryChunkAvailability)
		if asked {
			m.Reply(&availabilitystorev1.QueryChunkAvailabilityResponse{Available: true})
		}
		return !asked
	}})
}

// stored takes what a batch has put: the data with its chunks, or this validator's own chunk.
func (net *network) stored(v int, id primitives.Hash, data bool) {
	net.checker.Stored(uint32(v), id, data)
	if data {
		net.checker.Stored(uint32(v), id, false)
	}
}

func (net *network) arbitration(i *sim.Incarnation) subsystem.Spec {
	spec := misbehaviorarbitration.Spec(misbehaviorarbitration.Config{
		Chain: chainName, Disk: i.Disk(), Dir: validatornet.EvidenceDir + chainName,
	})
	return watched(spec, watcher{handle: func(m *subsystem.Message) bool {
		if report, is := m.Body.(*misbehaviorv1.MisbehaviorReport); is && !net.lies.is(i.Node.Index) {
			net.checker.Reported(report)
		}
		return true
	}})
}

// worksOn has the checker told when a subsystem begins and ends its work on a relay parent.
func (net *network) worksOn(spec subsystem.Spec) func(*sim.Incarnation) subsystem.Spec {
	return func(i *sim.Incarnation) subsystem.Spec {
		return watched(spec, watcher{signal: func(sig *overseerv1.Signal) {
			if h, err := primitives.HashFrom(sig.GetStartWork().GetHash()); err == nil {
				net.checker.Started(i.Node.Index, spec.Name, h)
			}
			if h, err := primitives.HashFrom(sig.GetStopWork().GetHash()); err == nil {
				net.checker.Stopped(i.Node.Index, spec.Name, h, net.World.Clock.Elapsed())
			}
		}})
	}
}

// keystore is a validator's; the checker is told who wants something signed.
func (net *network) keystore(i *sim.Incarnation) subsystem.Spec {
	return watched(net.Keystore(i), watcher{handle: func(m *subsystem.Message) bool {
		var at []byte
		switch q := m.Body.(type) {
		case *keystorev1.SignStatement:
			at = q.GetRelayParent()
		case *keystorev1.SignBitfield:
			at = q.GetRelayParent()
		}
		if h, err := primitives.HashFrom(at); err == nil && !net.lies.is(i.Node.Index) {
			net.checker.Worked(i.Node.Index, m.From, h, net.World.Clock.Elapsed())
		}
		return true
	}})
}

// watcher sees what comes to a subsystem before it does. What handle says false of doesn't come to it.
type watcher struct {
	signal func(*overseerv1.Signal)
	handle func(*subsystem.Message) bool
}

// watched is a subsystem that is watched.
func watched(spec subsystem.Spec, w watcher) subsystem.Spec {
	build := spec.New
	spec.New = func(sub *subsystem.Sub) (subsystem.Handler, error) {
		h, err := build(sub)
		return &shadowed{h, w}, err
	}
	return spec
}

// shadowed is a handler with its watcher.
type shadowed struct {
	subsystem.Handler
	watcher watcher
}

func (s *shadowed) Signal(sig *overseerv1.Signal) {
	if s.watcher.signal != nil {
		s.watcher.signal(sig)
	}
	s.Handler.Signal(sig)
}

func (s *shadowed) Handle(m *subsystem.Message) {
	if s.watcher.handle == nil || s.watcher.handle(m) {
		s.Handler.Handle(m)
	}
}

// Close is subsystem.Closer.
func (s *shadowed) Close() {
	if c, is := s.Handler.(subsystem.Closer); is {
		c.Close()
	}
}

// Presence is subsystem.Watcher.
func (s *shadowed) Presence(p subsystem.Presence) {
	if w, is := s.Handler.(subsystem.Watcher); is {
		w.Presence(p)
	}
}

// Reattached is subsystem.Reattacher.
func (s *shadowed) Reattached() {
	if r, is := s.Handler.(subsystem.Reattacher); is {
		r.Reattached()
	}
}
