package candidatevalidation

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/subsystem"
	candidatevalidationv1 "github.com/reevenet/reeve/proto/reeve/candidatevalidation/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	"github.com/reevenet/reeve/services/candidatevalidation/guest"
)

// candidacy is a candidate on its way to a judgement.
type candidacy struct {
	m       *subsystem.Message
	receipt candidate.Receipt
	hash    primitives.Hash
	data    candidate.PersistedValidationData
	code    *primitivesv1.BlobRef
	// Views of the bytes, which stay while they are open.
	codeBytes, povBytes subsystem.Blob
	first               *Outcome // of the first worker, when it was lost
	inTime              func()   // called with the answer: nobody has to be told that it takes long
}

// answerTime is how long a candidate may wait for its judgement. It is less than whoever asks waits, and than an
// overseer takes for a hang: code that is being prepared on a busy machine takes longer, and if this process were ended
// for that, the next would begin with it anew.
const answerTime = 8 * time.Second

// late answers that it takes too long. What is under way goes on, and the next candidate of its code finds that
// prepared.
func (v *validation) late(c *candidacy) {
	v.stats.faults++
	v.sub.Log.Warn("a candidate isn't judged in time", "candidate", c.hash,
		"para", c.receipt.Descriptor.Collation.ParaID, "running", v.running, "waiting", len(v.waiting))
	c.m.Reply(faulty(overloaded, fmt.Sprintf(
		"no judgement in %v: its code is being prepared, or %d others run and %d wait", answerTime, v.running,
		len(v.waiting))))
}

// onValidate decides what can be decided without a run, and fetches the bytes for the rest.
func (v *validation) onValidate(m *subsystem.Message, body *candidatevalidationv1.Validate) {
	c, broken, err := examine(m, body)
	switch {
	case err != nil:
		m.Fail(subsystem.Failf(subsystem.Refused, "no candidate can be read: %v", err))
	case broken != nil:
		v.answer(c, broken)
	case v.fetching+len(v.waiting) >= v.cfg.Waiting:
		v.fault(c, overloaded, fmt.Sprintf("%d candidates wait for a worker already", v.cfg.Waiting))
	default:
		c.inTime = v.sub.After(answerTime, func() { v.late(c) })
		v.sub.About(c.hash[:], "validate", func() { v.fetch(c, body.GetPov().GetBlockData()) })
	}
}

// fetch opens both blobs, the proof first.
func (v *validation) fetch(c *candidacy, pov *primitivesv1.BlobRef) {
	v.fetching++
	v.sub.Blobs().Get(pov, 0, -1, func(blob subsystem.Blob, err error) {
		if err != nil {
			v.unfetched(c, "proof of validity", err)
			return
		}
		c.povBytes = blob
		v.sub.Blobs().Get(c.code, 0, -1, func(blob subsystem.Blob, err error) {
			if err != nil {
				v.unfetched(c, "validation code", err)
				return
			}
			c.codeBytes = blob
			v.verify(c)
		})
	})
}

func (v *validation) unfetched(c *candidacy, what string, err error) {
	v.fetching--
	reason := unreadable
	if errors.Is(err, subsystem.ErrBlobMissing) {
		reason = missing
	}
	v.fault(c, reason, fmt.Sprintf("the %s can't be read: %v", what, err))
}

// verify looks whether the bytes are those that the references name: a disk may have changed them.
func (v *validation) verify(c *candidacy) {
	code, pov := c.codeBytes.Bytes(), c.povBytes.Bytes()
	of := c.receipt.Descriptor.Collation
	subsystem.Offload(v.sub, func() (bool, error) {
		return candidate.PoVHash(pov) == of.PoVHash && primitives.HashOf(code) == of.ValidationCodeHash, nil
	}, func(same bool, _ error) {
		v.fetching--
		if !same {
			v.fault(c, unreadable, "a blob's bytes don't have its hash: the disk of this node changes what it keeps")
			return
		}
		v.waiting = append(v.waiting, c)
		v.next()
	})
}

// next gives waiting candidates to workers, as far as there are some. Whoever no longer waits for an answer gets none.
func (v *validation) next() {
	for v.running < v.cfg.Workers && len(v.waiting) > 0 {
		c := v.waiting[0]
		v.waiting = v.waiting[1:]
		if !c.m.Open() {
			v.stats.abandoned++
			c.close()
			continue
		}
		v.running++
		v.run(c)
	}
}

func (v *validation) run(c *candidacy) {
	params := guest.Params{
		ParentHead: c.data.ParentHead, RelayParentNumber: c.data.RelayParentNumber,
		RelayParentStorageRoot: c.data.RelayParentStorageRoot, BlockData: c.povBytes.Bytes(),
	}
	j := Job{CodeHash: c.receipt.Descriptor.Collation.ValidationCodeHash, Code: c.codeBytes.Bytes(),
		Params: params.Encode()}
	v.cfg.Runs.Run(j, func(o Outcome) { v.sub.Post(func() { v.ran(c, o) }) })
}

// ran takes what a job came to: a judgement, or the loss of a worker, the first of which is none.
func (v *validation) ran(c *candidacy, o Outcome) {
	o.Detail = strings.ToValidUTF8(o.Detail, "?") // some of it is what the code wrote
	if o.End >= Crashed && c.first == nil && c.m.Open() {
		v.stats.retried++
		v.sub.Log.Warn("a worker was lost, and its candidate is given to another", "candidate", c.hash,
			"para", c.receipt.Descriptor.Collation.ParaID, "why", o.Detail)
		c.first = &o
		v.sub.After(v.cfg.RetryAfter, func() { v.run(c) })
		return
	}
	v.running--
	if c.m.Open() {
		v.sub.About(c.hash[:], "judge", func() { v.judge(c, o) })
	} else {
		v.stats.abandoned++
		c.close()
	}
	v.next()
}

// close gives the bytes back.
func (c *candidacy) close() {
	for _, b := range []subsystem.Blob{c.codeBytes, c.povBytes} {
		if b != nil {
			_ = b.Close() // it was only read
		}
	}
	c.codeBytes, c.povBytes = nil, nil
}
