package bitfieldsigning

import (
	"maps"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/subsystem"
	bitfielddistributionv1 "github.com/reevenet/reeve/proto/reeve/bitfielddistribution/v1"
	keystorev1 "github.com/reevenet/reeve/proto/reeve/keystore/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	"github.com/reevenet/reeve/services/internal/leaf"
)

// job is the work for one leaf.
type job struct {
	*signing
	hash  primitives.Hash
	began time.Time
	facts *leaf.Facts

	due     map[uint32]chunk // by core, of all that are occupied
	missing map[uint32]chunk // those that aren't known to be here
	pause   time.Duration    // before the store is asked again

	cancel func() // what comes next
	ended  bool
}

func (s *signing) begin(l leaf.Leaf) *job {
	j := &job{signing: s, hash: l.Hash, began: s.sub.Now(), pause: askAgain}
	j.cancel = leaf.Ask(s.sub, l.Hash, wants, j.learned)
	return j
}

func (j *job) end() {
	j.ended, j.missing = true, nil
	j.cancel()
}

// learned goes on with what is known of the leaf.
func (j *job) learned(f *leaf.Facts, err error) {
	if err != nil {
		j.fail("the leaf's state can't be asked for", err.Error())
		return
	}
	j.facts, j.own = f, f.Own
	j.list()
	if f.Own < 0 || len(j.due) == 0 {
		j.sub.Log.Debug("no bitfield to sign", "parent", j.hash.Short(), "validator", f.Own, "occupied", len(j.due))
		return
	}
	j.missing = maps.Clone(j.due)
	j.look()
}

// list notes the chunk that is due for each core with a candidate on it.
func (j *job) list() {
	j.due = map[uint32]chunk{}
	now := j.sub.Now()
	j.forget(now)
	for i, c := range j.facts.Cores {
		if candidate, err := primitives.HashFrom(c.GetOccupied().GetCandidate()); err == nil {
			j.due[uint32(i)] = chunk{candidate, j.since(candidate, j.began, now).Add(j.cfg.Delay)}
		}
	}
}

// bits has a bit for each core, set where the chunk is here.
func (j *job) bits() primitives.Bits {
	b := primitives.NewBits(uint32(len(j.facts.Cores)))
	for core := range j.due { // the order doesn't show in the result
		if _, missing := j.missing[core]; !missing {
			b.Set(core)
		}
	}
	return b
}

// signTimeout is how long keystore may take: a sync of its disk, behind others.
const signTimeout = 5 * time.Second

// sign asks for the one signature of this leaf, and asks for the same again while keystore is away.
func (j *job) sign(bits primitives.Bits) {
	q := &keystorev1.SignBitfield{
		Session: j.facts.Session, RelayParent: j.hash[:], Length: bits.Length, Bits: bits.Bytes,
	}
	subsystem.Ask(j.sub, q, signTimeout, func(r *keystorev1.SignBitfieldResponse, err error) {
		switch refusal := r.GetRefusal(); {
		case j.ended:
		case subsystem.Temporary(err):
			j.cancel = j.sub.After(askAtMost, func() { j.sign(bits) })
		case err != nil:
			j.fail("keystore failed to sign a bitfield", err.Error())
		case refusal != nil:
			j.fail("keystore refuses to sign a bitfield", refusal.GetExplanation())
		default:
			j.distribute(bits, r.GetSignature().GetSignature())
		}
	})
}

func (j *job) distribute(bits primitives.Bits, signature []byte) {
	j.signed++
	j.absent += int64(len(j.missing))
	j.trouble = ""
	signed := &primitivesv1.SignedAvailabilityBitfield{
		Bitfield: &primitivesv1.AvailabilityBitfield{
			Cores: &primitivesv1.Bits{Length: bits.Length, Bits: bits.Bytes},
		},
		Validator: uint32(j.facts.Own), Signature: signature,
	}
	j.sub.Send(&bitfielddistributionv1.DistributeBitfield{RelayParent: j.hash[:], Bitfield: signed})
	for _, core := range bits.Ones() {
		candidate := j.due[core].candidate
		j.sub.About(candidate[:], "bitfield", func() {
			j.sub.Log.Debug("said that the chunk is here", "candidate", candidate.Short(), "core", core,
				"parent", j.hash.Short())
		})
	}
	if len(j.missing) > 0 {
		j.sub.Log.Info("bitfield signed without chunks that haven't come", "parent", j.hash.Short(),
			"missing", len(j.missing), "here", bits.Count())
	}
}

// fail ends the work for this leaf without a bitfield.
func (j *job) fail(what, why string) {
	j.trouble, j.missing = what+": "+why, nil
	j.sub.Log.Warn(what, "parent", j.hash.Short(), "err", why)
}
