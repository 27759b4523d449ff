package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/statements"
	"github.com/reevenet/reeve/internal/parachain/offence"
	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/genesis"
	"github.com/reevenet/reeve/internal/store/disk"
	misbehaviorv1 "github.com/reevenet/reeve/proto/reeve/misbehaviorarbitration/v1"
)

// offencesOf are the pieces of evidence about candidates that a node keeps, in the order of their files' names.
func offencesOf(h datadir.Node, g *genesis.Genesis, chain genesis.Chain) ([]fault, error) {
	dir := h.Evidence(chain.Name)
	names, err := disk.OS{}.List(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var faults []fault
	for _, name := range names {
		text, ok := strings.CutSuffix(name, offence.Suffix)
		var id primitives.Hash
		if !ok || id.UnmarshalText([]byte(text)) != nil {
			continue
		}
		f, err := offenceIn(g, filepath.Join(dir, name), id)
		if errors.Is(err, fs.ErrNotExist) { // it made room since
			continue
		}
		if f.Chain = chain.Name; err != nil {
			f.Trouble = err.Error()
		}
		faults = append(faults, f)
	}
	return faults, nil
}

// offenceIn is what a file of a node shows; the error says why it shows nothing.
func offenceIn(g *genesis.Genesis, path string, id primitives.Hash) (fault, error) {
	unread := fault{ID: id, File: path}
	b, err := disk.ReadFile(disk.OS{}, path, offence.MaxFile)
	if err != nil {
		return unread, err
	}
	f, err := judgeOffence(g, b)
	if err != nil {
		return unread, err
	}
	if f.ID != id {
		return unread, fmt.Errorf("the file holds evidence %s", f.ID)
	}
	f.File = path
	return f, nil
}

// judgeOffence says what a file of evidence about a candidate shows; the error says why it shows nothing.
func judgeOffence(g *genesis.Genesis, b []byte) (fault, error) {
	e, found, err := offence.Open(b)
	if err != nil {
		return fault{}, err
	}
	relay, ok := g.RelayChain()
	if !ok {
		return fault{}, fmt.Errorf("it is about a parachain, and %s has no relay chain", g.Network)
	}
	f := fault{
		ID: found.ID(), Chain: relay.Name, Kind: found.Kind.String(),
		Place: fmt.Sprintf("relay parent %s, session %d", found.Context.RelayParent.Short(), found.Context.Session),
	}
	names := map[uint32]string{}
	for _, s := range e.GetSignatories() {
		v, ok := validatorOf(g, s.GetValidator().GetPublicKey())
		if !ok {
			return f, fmt.Errorf("the key of validator %d is none of a validator of %s", s.GetIndex(), g.Network)
		}
		names[s.GetIndex()] = v.Name
		if s.GetIndex() == found.Account() && found.Kind != statements.Disagreement {
			f.Validator, f.Key, f.Stake = v.Name, v.PublicKey, v.Stake
		}
	}
	f.First, f.Second = sayings(e, found, names)
	return f, nil
}

// validatorOf is the validator of a network that signs with a key.
func validatorOf(g *genesis.Genesis, key []byte) (genesis.Validator, bool) {
	for _, v := range g.Validators {
		if bytes.Equal(v.PublicKey[:], key) {
			return v, true
		}
	}
	return genesis.Validator{}, false
}

// sayings are the two things that don't go together.
func sayings(e *misbehaviorv1.QueryEvidenceResponse, f offence.Finding,
	names map[uint32]string) (first, second string) {
	switch f.Kind {
	case statements.Disagreement:
		valid, invalid := f.Sides()
		return "valid, say " + called(valid, names), "invalid, say " + called(invalid, names)
	case statements.Unauthorized:
		return saying(f.Said[0]),
			fmt.Sprintf("validators %v back para %d, says the node that kept it", e.GetGroup(), f.Para)
	case statements.DoubleSign:
		return fmt.Sprintf("%s, signature %x…", saying(f.Said[0]), f.Said[0].Signature[:4]),
			fmt.Sprintf("the same, signature %x…", f.Said[1].Signature[:4])
	}
	return saying(f.Said[0]), saying(f.Said[1])
}

func saying(s statements.Signed) string {
	return fmt.Sprintf("%s, candidate %s", s.Verdict, s.Candidate.Short())
}

func called(validators []uint32, names map[uint32]string) string {
	list := make([]string, len(validators))
	for i, v := range validators {
		list[i] = names[v]
	}
	return strings.Join(list, ", ")
}
