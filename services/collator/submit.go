package collator

import (
	"bytes"
	"errors"
	"time"

	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/erasure"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/parachain"
	"github.com/reevenet/reeve/overseer/subsystem"
	collatorv1 "github.com/reevenet/reeve/proto/reeve/collator/v1"
	keystorev1 "github.com/reevenet/reeve/proto/reeve/keystore/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
)

const (
	// signTimeout is how long the keystore may take.
	signTimeout = 5 * time.Second
	// lease is how long a proof stays when this process ends without letting go of it.
	lease = 2 * time.Minute
)

// The refusals that are said here.
const (
	unknownRelayParent = primitivesv1.CollationRefusal_COLLATION_REFUSAL_UNKNOWN_RELAY_PARENT
	notAssigned        = primitivesv1.CollationRefusal_COLLATION_REFUSAL_NOT_ASSIGNED
	alreadySeconded    = primitivesv1.CollationRefusal_COLLATION_REFUSAL_ALREADY_SECONDED
	povMissing         = primitivesv1.CollationRefusal_COLLATION_REFUSAL_POV_MISSING
	povTooLarge        = primitivesv1.CollationRefusal_COLLATION_REFUSAL_POV_TOO_LARGE
	malformed          = primitivesv1.CollationRefusal_COLLATION_REFUSAL_COMMITMENTS_MISMATCH
	nodeFault          = primitivesv1.CollationRefusal_COLLATION_REFUSAL_NODE_FAULT
	notBackedInTime    = primitivesv1.CollationRefusal_COLLATION_REFUSAL_NOT_BACKED_IN_TIME
	notIncludedInTime  = primitivesv1.CollationRefusal_COLLATION_REFUSAL_NOT_INCLUDED_IN_TIME
	timedOut           = primitivesv1.CollationRefusal_COLLATION_REFUSAL_AVAILABILITY_TIMED_OUT
)

// leftBehind: no block can take the collation up any more.
const leftBehind = "its relay parent was left behind"

// onSubmitCollation makes a collation of what the producer has built.
func (c *collator) onSubmitCollation(m *subsystem.Message, s *collatorv1.SubmitCollation) {
	r, active := c.leaves.Get(s.GetRelayParent())
	if !active {
		m.Reply(notTaken(unknownRelayParent, "the relay parent is no active leaf here"))
		return
	}
	ch := r.chances[s.GetPara()]
	commitments, err := parachain.Commitments(s.GetCommitments())
	hash, err2 := commitments.Hash()
	ref := s.GetPov().GetBlockData()
	switch err := errors.Join(err, err2); {
	case ch == nil:
		m.Reply(notTaken(notAssigned, "there was no opportunity for the para on this relay parent"))
	case err != nil:
		m.Reply(notTaken(malformed, err.Error()))
	case ch.made != nil:
		ch.made.again(m, hash, ref)
	case ref.GetSize() == 0: // no part of it could be asked for
		m.Reply(notTaken(povMissing, "a proof of validity has at least one byte"))
	case ref.GetSize() > min(candidate.MaxPoV, uint64(ch.data.MaxPoVSize)):
		m.Reply(notTaken(povTooLarge, "the proof of validity is longer than the relay chain allows"))
	default:
		col := &collation{collator: c, relayParent: r, para: s.GetPara(), pov: s.GetPov(), size: ref.GetSize()}
		col.receipt.CommitmentsHash, col.head = hash, primitives.HashOf(commitments.HeadData)
		col.asked = []*subsystem.Message{m}
		ch.made = col
		col.hold(ch)
	}
}

// again answers a submission that was made before: the same gets the same answer, another one none.
func (col *collation) again(m *subsystem.Message, commitments primitives.Hash, pov *primitivesv1.BlobRef) {
	switch {
	case commitments != col.receipt.CommitmentsHash || !bytes.Equal(pov.GetHash(), col.pov.GetBlockData().GetHash()):
		m.Reply(notTaken(alreadySeconded, "another collation was submitted for this relay parent and para"))
	case col.signed:
		m.Reply(col.submitted())
	case len(col.asked) >= maxWatchers:
		m.Fail(subsystem.Failf(subsystem.Overloaded, "%d wait for this collation already", maxWatchers))
	default:
		col.asked = append(col.asked, m)
	}
}

// hold keeps the proof, and reads it.
func (col *collation) hold(ch *chance) {
	ref := col.pov.GetBlockData()
	col.sub.Blobs().Hold(ref, lease, func(err error) {
		if err != nil {
			col.drop(ch, povMissing, err.Error())
			return
		}
		col.held = true
		col.sub.Blobs().Get(ref, 0, -1, func(b subsystem.Blob, err error) {
			if err != nil {
				col.drop(ch, povMissing, err.Error())
				return
			}
			col.encode(ch, b)
		})
	})
}

// encode computes what the descriptor names of the data, off the loop.
func (col *collation) encode(ch *chance, b subsystem.Blob) {
	n := len(col.relayParent.facts.Validators)
	if col.coder == nil || col.coder.Chunks() != n {
		coder, err := erasure.New(erasure.CodecFor(n), n)
		if err != nil {
			b.Close()
			col.drop(ch, nodeFault, err.Error())
			return
		}
		col.coder = coder
	}
	coder, data := col.coder, ch.data
	subsystem.Offload(col.sub, func() (primitives.Hash, error) {
		defer b.Close()
		raw, err := candidate.AvailableData{PoV: b.Bytes(), ValidationData: data}.Encode()
		if err != nil {
			return primitives.Hash{}, err
		}
		var coded erasure.Coded
		err = coder.Encode(raw, &coded)
		return coded.Root(), err
	}, func(root primitives.Hash, err error) {
		if err != nil {
			col.drop(ch, nodeFault, err.Error())
			return
		}
		col.sign(ch, root)
	})
}

// sign has the keystore sign the descriptor, if there is still somebody to whom the collation could be offered.
func (col *collation) sign(ch *chance, root primitives.Hash) {
	if col.relayParent.ended {
		col.drop(ch, unknownRelayParent, leftBehind)
		return
	}
	data, err := ch.data.Hash()
	if err != nil {
		col.drop(ch, nodeFault, err.Error())
		return
	}
	d := signbytes.Collation{
		ParaID: col.para, RelayParent: col.relayParent.leaf.Hash, PersistedValidationDataHash: data,
		PoVHash: primitives.Hash(col.pov.GetBlockData().GetHash()), ErasureRoot: root, ValidationCodeHash: ch.code,
		ParaHead: col.head,
	}
	q := &keystorev1.SignCollation{
		ParaId: d.ParaID, RelayParent: d.RelayParent[:], PersistedValidationDataHash: d.PersistedValidationDataHash[:],
		PovHash: d.PoVHash[:], ErasureRoot: root[:], ValidationCodeHash: d.ValidationCodeHash[:], ParaHead: d.ParaHead[:],
	}
	subsystem.Ask(col.sub, q, signTimeout, func(r *keystorev1.SignCollationResponse, err error) {
		refusal := r.GetRefusal()
		switch {
		case err != nil:
			col.drop(ch, nodeFault, err.Error())
		case refusal.GetReason() == keystorev1.Refusal_REASON_CONFLICT:
			col.drop(ch, alreadySeconded, refusal.GetExplanation())
		case refusal != nil:
			col.drop(ch, nodeFault, refusal.GetExplanation())
		default:
			col.onSigned(ch, d, r.GetSignature())
		}
	})
}

func (col *collation) onSigned(ch *chance, d signbytes.Collation, s *keystorev1.Signature) {
	copy(d.Collator[:], s.GetPublicKey())
	col.receipt.Descriptor.Collation = d
	copy(col.receipt.Descriptor.Signature[:], s.GetSignature())
	switch {
	case !col.receipt.Descriptor.Verify():
		col.drop(ch, nodeFault, "the keystore's signature doesn't verify")
		return
	case col.relayParent.ended:
		col.drop(ch, unknownRelayParent, leftBehind)
		return
	}
	col.signed, col.hash = true, col.receipt.Hash()
	col.remember(ch)
	for _, m := range col.asked {
		m.Reply(col.submitted())
	}
	col.asked = nil
	col.sub.About(col.hash[:], "offer", col.offer)
}

// drop answers that nothing comes of a submission. It may be made again.
func (col *collation) drop(ch *chance, why primitivesv1.CollationRefusal, detail string) {
	ch.made = nil
	col.release()
	col.sub.Log.Warn("a collation can't be made", "para", col.para, "why", why, "detail", detail)
	for _, m := range col.asked {
		m.Reply(notTaken(why, detail))
	}
}

func (col *collation) submitted() *collatorv1.SubmitCollationResponse {
	return &collatorv1.SubmitCollationResponse{Outcome: &collatorv1.SubmitCollationResponse_Submitted{
		Submitted: &collatorv1.Submitted{Receipt: parachain.ReceiptMessage(col.receipt), Candidate: col.hash[:]}}}
}

func notTaken(why primitivesv1.CollationRefusal, detail string) *collatorv1.SubmitCollationResponse {
	return &collatorv1.SubmitCollationResponse{Outcome: &collatorv1.SubmitCollationResponse_Refused{
		Refused: &primitivesv1.CollationRefused{Reason: why, Detail: detail}}}
}
