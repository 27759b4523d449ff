// Package host makes a liar of a validator's parachain host, for drills on real networks (`reeve chaos byzantine
// parachain=KIND`). One process of the host runs as it does in production, on the node's own bus; what it sends passes
// through here, and something else is sent in its place. What contradicts the validator's own words is signed with its
// key file, since the keystore refuses to.
//
// It is never a part of a node that is run for anything else.
package host

import (
	"fmt"
	"slices"
	"strings"

	"github.com/reevenet/reeve/internal/core/statements"
	"github.com/reevenet/reeve/overseer/subsystem"
	"github.com/reevenet/reeve/services/availabilitydistribution"
	"github.com/reevenet/reeve/services/bitfieldsigning"
	"github.com/reevenet/reeve/services/candidatebacking"
	"github.com/reevenet/reeve/services/povdistribution"
	"github.com/reevenet/reeve/services/statementdistribution"
)

// Kind is a way in which a validator's parachain host is dishonest.
type Kind string

// The kinds.
const (
	SecondGarbage    Kind = "second-garbage"
	Equivocate       Kind = "equivocate"
	BackTwo          Kind = "back-two"
	Accuse           Kind = "accuse"
	WrongErasureRoot Kind = "wrong-erasure-root"
	WrongPoV         Kind = "wrong-pov"
	WithholdChunks   Kind = "withhold-chunks"
	CorruptChunks    Kind = "corrupt-chunks"
	LieInBitfields   Kind = "lie-in-bitfields"
	FloodStatements  Kind = "flood-statements"
)

// Kinds are all there are.
var Kinds = []Kind{
	SecondGarbage, Equivocate, BackTwo, Accuse, WrongErasureRoot, WrongPoV, WithholdChunks, CorruptChunks,
	LieInBitfields, FloodStatements,
}

// trait is what is known of a kind.
type trait struct {
	part string // the subsystem that lies
	what string // the others hear, in a sentence
	// proves is what it signs against itself, or who is outvoted; 0: nothing that anybody could prove.
	proves statements.Kind
	// between stands in the way of what the subsystem sends.
	between func(*liar) subsystem.Interceptor
}

var traits = map[Kind]trait{
	SecondGarbage: {candidatebacking.Name, "that candidates are good whose proof of validity is noise",
		statements.Disagreement, speakerThat((*speaker).garbage)},
	Equivocate: {candidatebacking.Name, "of each candidate that it is good, and that it isn't",
		statements.SelfContradiction, speakerThat((*speaker).both)},
	BackTwo: {candidatebacking.Name, "of two candidates for one place that it proposes them",
		statements.DoubleVote, speakerThat((*speaker).two)},
	Accuse: {candidatebacking.Name, "of each candidate that it is no good",
		statements.Disagreement, speakerThat((*speaker).accuse)},
	WrongErasureRoot: {candidatebacking.Name, "that candidates are good whose erasure root is that of other data",
		statements.Disagreement, speakerThat((*speaker).wrongRoot)},
	WrongPoV: {povdistribution.Name, "another proof than they ask for", 0, func(l *liar) subsystem.Interceptor {
		return tampering{l, wrongProof}
	}},
	WithholdChunks: {availabilitydistribution.Name, "that no chunk is here, and get none",
		0, func(l *liar) subsystem.Interceptor { return tampering{l, noChunk} }},
	CorruptChunks: {availabilitydistribution.Name, "chunks that belong to other data",
		0, func(l *liar) subsystem.Interceptor { return tampering{l, wrongChunk} }},
	LieInBitfields: {bitfieldsigning.Name, "that each chunk is here, before it has come",
		0, func(*liar) subsystem.Interceptor { return boaster{} }},
	FloodStatements: {statementdistribution.Name, "every statement again and again, and noise",
		0, func(l *liar) subsystem.Interceptor { return flood{l} }},
}

// Describe says in a sentence what the others hear.
func (k Kind) Describe() string { return traits[k].what }

// Part is the subsystem that lies.
func (k Kind) Part() string { return traits[k].part }

// Proves is what there is evidence of when it has lied; 0: nothing.
func (k Kind) Proves() statements.Kind { return traits[k].proves }

// Parse reads a kind.
func Parse(text string) (Kind, error) {
	if slices.Contains(Kinds, Kind(text)) {
		return Kind(text), nil
	}
	names := make([]string, len(Kinds))
	for i, k := range Kinds {
		names[i] = string(k)
	}
	return "", fmt.Errorf("there is no way for a parachain host to lie called %q, only %s", text,
		strings.Join(names, ", "))
}
