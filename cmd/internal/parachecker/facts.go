package parachecker

import (
	"crypto/ed25519"
	"slices"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	runtimeapiv1 "github.com/reevenet/reeve/proto/reeve/runtimeapi/v1"
)

// Facts are the state after a relay parent, as runtime-api tells it.
type Facts struct {
	RelayParent primitives.Hash
	// Session is that of the relay parent's child.
	Session    uint32
	Validators []ed25519.PublicKey
	Groups     [][]uint32
	Rotation   primitives.Rotation
	Cores      []*primitivesv1.CoreState
}

// Ask learns the facts from whoever answers questions about the state after a relay parent.
func Ask(relayParent primitives.Hash, answer func(*runtimeapiv1.RuntimeApiRequest) (*runtimeapiv1.RuntimeApiAnswer,
	error)) (*Facts, error) {
	f := &Facts{RelayParent: relayParent}
	for _, q := range []*runtimeapiv1.RuntimeApiRequest{
		{Kind: &runtimeapiv1.RuntimeApiRequest_Validators{Validators: &runtimeapiv1.Validators{}}},
		{Kind: &runtimeapiv1.RuntimeApiRequest_ValidatorGroups{ValidatorGroups: &runtimeapiv1.ValidatorGroups{}}},
		{Kind: &runtimeapiv1.RuntimeApiRequest_AvailabilityCores{AvailabilityCores: &runtimeapiv1.AvailabilityCores{}}},
		{Kind: &runtimeapiv1.RuntimeApiRequest_SessionIndexForChild{
			SessionIndexForChild: &runtimeapiv1.SessionIndexForChild{}}},
	} {
		a, err := answer(q)
		if err != nil {
			return nil, err
		}
		f.take(a)
	}
	return f, nil
}

func (f *Facts) take(a *runtimeapiv1.RuntimeApiAnswer) {
	switch k := a.GetKind().(type) {
	case *runtimeapiv1.RuntimeApiAnswer_Validators:
		for _, v := range k.Validators.GetValidators() {
			f.Validators = append(f.Validators, v.GetPublicKey())
		}
	case *runtimeapiv1.RuntimeApiAnswer_ValidatorGroups:
		for _, g := range k.ValidatorGroups.GetGroups() {
			f.Groups = append(f.Groups, g.GetValidators())
		}
		r := k.ValidatorGroups.GetRotation()
		f.Rotation = primitives.Rotation{
			Start: r.GetSessionStartBlock(), Frequency: r.GetGroupRotationFrequency(), Now: r.GetNow(),
		}
	case *runtimeapiv1.RuntimeApiAnswer_AvailabilityCores:
		f.Cores = k.AvailabilityCores.GetCores()
	case *runtimeapiv1.RuntimeApiAnswer_SessionIndexForChild:
		f.Session = k.SessionIndexForChild.GetSession()
	}
}

// Learn takes the facts about a relay parent. They are to be told before what is about it.
func (c *Checker) Learn(f *Facts) {
	if c.facts[f.RelayParent] == nil {
		c.facts[f.RelayParent] = f
	}
}

// Knows tells whether the facts about a relay parent were told.
func (c *Checker) Knows(relayParent primitives.Hash) bool { return c.facts[relayParent] != nil }

// context is what statements and bitfields about the relay parent are signed in.
func (f *Facts) context() signbytes.Context {
	return signbytes.Context{Session: f.Session, RelayParent: f.RelayParent}
}

// group is the one that backs a para's next candidate; nil: no core waits for one.
func (f *Facts) group(para uint32) (members []uint32, core int) {
	core = slices.IndexFunc(f.Cores, func(s *primitivesv1.CoreState) bool {
		o := s.GetOccupied()
		may := []*primitivesv1.ScheduledCore{s.GetScheduled(), o.GetNextUpOnAvailable(), o.GetNextUpOnTimeOut()}
		return slices.ContainsFunc(may, func(s *primitivesv1.ScheduledCore) bool {
			return s != nil && s.GetPara() == para
		})
	})
	if core < 0 {
		return nil, core
	}
	g, ok := f.Rotation.GroupForCore(uint32(core), uint32(len(f.Groups)))
	if !ok {
		return nil, core
	}
	return f.Groups[g], core
}

// Session is the one that the relay parent's statements are signed in; false: its facts weren't told.
func (c *Checker) Session(relayParent primitives.Hash) (uint32, bool) {
	f := c.facts[relayParent]
	if f == nil {
		return 0, false
	}
	return f.Session, true
}
