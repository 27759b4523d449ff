// Package bitfieldsigning says for this validator, once for each leaf of the relay chain, of which cores' candidates it
// holds its chunk.
//
// It receives no message: it lives on signals alone. With a leaf it asks runtime-api for the session, the validators
// and the cores, and keystore which of the validators this node is. Then it asks availability-store for this
// validator's chunk of each candidate that lies on a core, until all are there or the delay is over (chunks.go), has
// keystore sign what it has found, and sends it to bitfield-distribution (DistributeBitfield). A leaf that ends before
// that takes its work with it: nothing is signed, and nothing that was signed is sent.
//
// It asks keystore for at most one row of bits of a leaf. Started again in the middle of one it may have found other
// bits than before; keystore refuses these, which ends the matter. It signs nothing for a node that is no validator,
// and nothing where no core is occupied: such a bitfield would tell the chain nothing. It never says that a chunk is
// here unless the store has said so: whatever goes wrong with a core makes its bit 0.
package bitfieldsigning

import (
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/subsystem"
	availabilitystorev1 "github.com/reevenet/reeve/proto/reeve/availabilitystore/v1"
	bitfielddistributionv1 "github.com/reevenet/reeve/proto/reeve/bitfielddistribution/v1"
	keystorev1 "github.com/reevenet/reeve/proto/reeve/keystore/v1"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
	"github.com/reevenet/reeve/services/internal/leaf"
)

// Name is the subsystem's name.
const Name = "bitfield-signing"

// Config is what bitfield-signing needs.
type Config struct {
	// Chain is the relay chain.
	Chain string
	// Delay is for how long a candidate's chunk is waited for; default 1.5 s, as with the peer that this is read from.
	Delay time.Duration
}

// defaultDelay is JOB_DELAY of the reference.
const defaultDelay = 1500 * time.Millisecond

// wants is what must be known of a leaf.
const wants = leaf.Own | leaf.Cores | leaf.Session

// Spec declares bitfield-signing.
func Spec(cfg Config) subsystem.Spec {
	if cfg.Delay == 0 {
		cfg.Delay = defaultDelay
	}
	return subsystem.Spec{
		Name:  Name,
		Class: subsystem.Single,
		Sends: []proto.Message{&bitfielddistributionv1.DistributeBitfield{}},
		Asks: slices.Concat(leaf.Asks(wants), []proto.Message{
			&availabilitystorev1.QueryChunkAvailability{}, &keystorev1.SignBitfield{},
		}),
		New: func(sub *subsystem.Sub) (subsystem.Handler, error) {
			return &signing{sub: sub, cfg: cfg, jobs: leaf.Jobs[*job]{Chain: cfg.Chain}, waits: waits{}, own: -1}, nil
		},
	}
}

// signing is the handler.
type signing struct {
	sub  *subsystem.Sub
	cfg  Config
	jobs leaf.Jobs[*job]
	waits

	own            int // of the last leaf's validators; -1: none
	signed, absent int64
	trouble        string // why the last bitfield wasn't signed
}

// Signal begins a job with each leaf and ends it with that.
func (s *signing) Signal(sig *overseerv1.Signal) {
	s.jobs.Signal(sig, s.begin, func(_ primitives.Hash, j *job) { j.end() })
}

// Handle gets nothing: there is no message to it.
func (s *signing) Handle(m *subsystem.Message) { m.Unknown() }

// Status says how bitfield-signing is.
func (s *signing) Status(out *subsystem.Status) {
	missing := 0
	for _, j := range s.jobs.All() {
		missing += len(j.missing)
	}
	out.Check("signing", s.trouble)
	out.Number("validator", int64(s.own))
	out.Number("leaves", int64(s.jobs.Len()))
	out.Number("missing-chunks", int64(missing))
	out.Number("signed", s.signed) // since the process began, and the bits of these for chunks that weren't here
	out.Number("signed-without", s.absent)
}
