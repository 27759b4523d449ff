package relayvm

import (
	"github.com/reevenet/reeve/internal/core/scheduler"
	"github.com/reevenet/reeve/internal/parachain"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	runtimeapiv1 "github.com/reevenet/reeve/proto/reeve/runtimeapi/v1"
)

func (q *question) validators(r *runtimeapiv1.Validators) *runtimeapiv1.ValidatorsAnswer {
	a, session := &runtimeapiv1.ValidatorsAnswer{}, q.kept.world.session.Index
	if r != nil && r.Session != nil {
		session = r.GetSession()
	}
	for _, v := range q.kept.world.validators(session) {
		a.Validators = append(a.Validators, &primitivesv1.Validator{
			PublicKey: v.PublicKey[:], NodeId: v.NodeID[:], Stake: v.Stake,
		})
	}
	return a
}

// groups are those of the next block, which is where the relay parent's candidates are counted.
func (q *question) groups() *runtimeapiv1.ValidatorGroupsAnswer {
	cores := q.kept.world.cores
	a := &runtimeapiv1.ValidatorGroupsAnswer{Rotation: &primitivesv1.GroupRotationInfo{
		SessionStartBlock: cores.Start, GroupRotationFrequency: cores.RotationFrequency, Now: q.kept.Height + 1,
	}}
	for _, g := range cores.Groups {
		a.Groups = append(a.Groups, &primitivesv1.ValidatorGroup{Validators: g})
	}
	return a
}

func (q *question) cores() (*runtimeapiv1.AvailabilityCoresAnswer, error) {
	a := &runtimeapiv1.AvailabilityCoresAnswer{}
	for _, c := range q.kept.world.cores.CoreStates(q.kept.Height + 1) {
		m := &primitivesv1.CoreState{Kind: &primitivesv1.CoreState_Free{Free: &primitivesv1.FreeCore{}}}
		switch {
		case c.Occupied != nil:
			o, err := q.kept.world.occupied(c.Occupied)
			if err != nil {
				return nil, err
			}
			m.Kind = &primitivesv1.CoreState_Occupied{Occupied: o}
		case c.Scheduled != nil:
			m.Kind = &primitivesv1.CoreState_Scheduled{Scheduled: scheduled(c.Scheduled)}
		}
		a.Cores = append(a.Cores, m)
	}
	return a, nil
}

// occupied is a core with its candidate. One of which nothing else is known has no descriptor.
func (w *world) occupied(o *scheduler.Occupied) (*primitivesv1.OccupiedCore, error) {
	m := &primitivesv1.OccupiedCore{
		NextUpOnAvailable: scheduled(o.OnAvailable), NextUpOnTimeOut: scheduled(o.OnTimeOut),
		OccupiedSince: o.Since, TimeOutAt: o.TimeOutAt, Availability: parachain.BitsMessage(o.Votes),
		GroupResponsible: o.Group, Candidate: o.Candidate[:],
	}
	if p := w.pending[o.Para]; p != nil {
		c, err := p.receipt()
		if err != nil {
			return nil, err
		}
		m.Descriptor_ = parachain.DescriptorMessage(c.Descriptor)
	}
	return m, nil
}

// scheduled is who may use a core; nil: nobody.
func scheduled(a *scheduler.Assignment) *primitivesv1.ScheduledCore {
	if a == nil {
		return nil
	}
	m := &primitivesv1.ScheduledCore{Para: a.Para}
	if !a.Collator.IsZero() {
		m.Collator = a.Collator[:]
	}
	return m
}
