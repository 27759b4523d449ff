package leaf

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/subsystem"
	keystorev1 "github.com/reevenet/reeve/proto/reeve/keystore/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	runtimeapiv1 "github.com/reevenet/reeve/proto/reeve/runtimeapi/v1"
)

// Wants is a set of things to know of a leaf's state.
type Wants uint8

// What can be known.
const (
	Validators Wants = 1 << iota
	Groups           // and their rotation
	Cores
	Session
	Own // which of the validators this node is; the validators are asked for as well
)

// Facts are what was asked for; the rest is empty.
type Facts struct {
	RelayParent primitives.Hash
	// Session is the index of the session of the relay parent's child.
	Session    uint32
	Validators []*primitivesv1.Validator
	// Groups are the members of each backing group, and Rotation says which core each serves in the child.
	Groups   [][]uint32
	Rotation primitives.Rotation
	Cores    []*primitivesv1.CoreState
	// Own is this node's index among the validators; -1: it isn't one of them.
	Own int
}

// Asks lists the requests that Ask asks, for a Spec.
func Asks(w Wants) []proto.Message {
	asks := []proto.Message{&runtimeapiv1.Request{}}
	if w&Own != 0 {
		asks = append(asks, &keystorev1.PublicKeys{})
	}
	return asks
}

// The pauses before what couldn't be answered for now is asked again.
const (
	againAfter  = 50 * time.Millisecond
	againAtMost = 2 * time.Second
)

// Ask learns facts about a leaf. It asks again, with growing pauses, as long as what goes wrong may pass; then is called
// once, on the loop, with the facts or with an error that won't pass. Nothing is called after cancel.
func Ask(sub *subsystem.Sub, relayParent primitives.Hash, w Wants, then func(*Facts, error)) (cancel func()) {
	if w&Own != 0 {
		w |= Validators
	}
	a := &asking{
		sub: sub, wants: w, facts: Facts{RelayParent: relayParent, Own: -1}, then: then, pause: againAfter,
		again: func() {},
	}
	a.ask()
	return func() {
		a.ended = true
		a.again()
	}
}

type asking struct {
	sub   *subsystem.Sub
	wants Wants
	facts Facts
	key   []byte // this node's own
	then  func(*Facts, error)

	left  int // answers awaited
	err   error
	pause time.Duration
	again func() // cancels the next attempt
	ended bool
}

// questions are what is asked at runtime-api, in this order, and what becomes of the answers.
var questions = []struct {
	of   Wants
	q    *runtimeapiv1.RuntimeApiRequest
	take func(*Facts, *runtimeapiv1.RuntimeApiAnswer)
}{
	{Validators, &runtimeapiv1.RuntimeApiRequest{Kind: &runtimeapiv1.RuntimeApiRequest_Validators{
		Validators: &runtimeapiv1.Validators{}}},
		func(f *Facts, a *runtimeapiv1.RuntimeApiAnswer) { f.Validators = a.GetValidators().GetValidators() }},
	{Groups, &runtimeapiv1.RuntimeApiRequest{Kind: &runtimeapiv1.RuntimeApiRequest_ValidatorGroups{
		ValidatorGroups: &runtimeapiv1.ValidatorGroups{}}},
		func(f *Facts, a *runtimeapiv1.RuntimeApiAnswer) { f.groups(a.GetValidatorGroups()) }},
	{Cores, &runtimeapiv1.RuntimeApiRequest{Kind: &runtimeapiv1.RuntimeApiRequest_AvailabilityCores{
		AvailabilityCores: &runtimeapiv1.AvailabilityCores{}}},
		func(f *Facts, a *runtimeapiv1.RuntimeApiAnswer) { f.Cores = a.GetAvailabilityCores().GetCores() }},
	{Session, &runtimeapiv1.RuntimeApiRequest{Kind: &runtimeapiv1.RuntimeApiRequest_SessionIndexForChild{
		SessionIndexForChild: &runtimeapiv1.SessionIndexForChild{}}},
		func(f *Facts, a *runtimeapiv1.RuntimeApiAnswer) { f.Session = a.GetSessionIndexForChild().GetSession() }},
}

func (f *Facts) groups(a *runtimeapiv1.ValidatorGroupsAnswer) {
	for _, g := range a.GetGroups() {
		f.Groups = append(f.Groups, g.GetValidators())
	}
	r := a.GetRotation()
	f.Rotation = primitives.Rotation{
		Start: r.GetSessionStartBlock(), Frequency: r.GetGroupRotationFrequency(), Now: r.GetNow(),
	}
}

func (a *asking) ask() {
	a.err, a.left = nil, 1
	f := Facts{RelayParent: a.facts.RelayParent, Own: -1}
	a.facts = f
	for _, q := range questions {
		if a.wants&q.of == 0 {
			continue
		}
		a.left++
		Question(a.sub, a.facts.RelayParent, q.q, func(answer *runtimeapiv1.RuntimeApiAnswer, err error) {
			if err == nil {
				q.take(&a.facts, answer)
			}
			a.answered(err)
		})
	}
	if a.wants&Own != 0 {
		a.left++
		a.askKey()
	}
	a.answered(nil)
}

func (a *asking) askKey() {
	subsystem.Ask(a.sub, &keystorev1.PublicKeys{}, Timeout, func(r *keystorev1.PublicKeysResponse, err error) {
		for _, k := range r.GetKeys() {
			if k.GetPurpose() == "validator" {
				a.key = k.GetKey()
			}
		}
		a.answered(err)
	})
}

// answered counts an answer, and ends the attempt with the last.
func (a *asking) answered(err error) {
	a.left--
	if a.err == nil {
		a.err = err
	}
	switch {
	case a.ended || a.left > 0:
	case a.err == nil:
		a.finish()
	case Temporary(a.err):
		a.again = a.sub.After(a.pause, a.ask)
		a.pause = min(2*a.pause, againAtMost)
	default:
		a.ended = true
		a.then(nil, fmt.Errorf("relay parent %s: %w", a.facts.RelayParent.Short(), a.err))
	}
}

func (a *asking) finish() {
	a.ended = true
	for i, v := range a.facts.Validators {
		if a.wants&Own != 0 && len(a.key) > 0 && bytes.Equal(v.GetPublicKey(), a.key) {
			a.facts.Own = i
		}
	}
	a.then(&a.facts, nil)
}

// Temporary tells whether what couldn't be answered may be answered later.
func Temporary(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Temporary() || subsystem.Temporary(err)
}
