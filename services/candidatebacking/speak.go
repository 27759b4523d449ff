package candidatebacking

import (
	"crypto/ed25519"
	"time"

	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/core/statements"
	"github.com/reevenet/reeve/internal/parachain"
	"github.com/reevenet/reeve/overseer/subsystem"
	availabilitydistributionv1 "github.com/reevenet/reeve/proto/reeve/availabilitydistribution/v1"
	availabilitystorev1 "github.com/reevenet/reeve/proto/reeve/availabilitystore/v1"
	candidateselectionv1 "github.com/reevenet/reeve/proto/reeve/candidateselection/v1"
	keystorev1 "github.com/reevenet/reeve/proto/reeve/keystore/v1"
	povdistributionv1 "github.com/reevenet/reeve/proto/reeve/povdistribution/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	statementdistributionv1 "github.com/reevenet/reeve/proto/reeve/statementdistribution/v1"
)

// signTimeout bounds the wait for a signature.
const signTimeout = 5 * time.Second

// kinds are the keystore's words for verdicts.
var kinds = map[signbytes.Verdict]keystorev1.StatementKind{
	signbytes.Seconded: keystorev1.StatementKind_STATEMENT_KIND_SECONDED,
	signbytes.Valid:    keystorev1.StatementKind_STATEMENT_KIND_VALID,
	signbytes.Invalid:  keystorev1.StatementKind_STATEMENT_KIND_INVALID,
}

// invalid ends the judgement. Of a candidate that we were to propose candidate-selection is told, and nothing is signed:
// nobody else has said anything of it. Of one that another validator has proposed, this one says that it is invalid.
func (c *cause) invalid(why string) {
	c.counts.invalid++
	c.sub.Log.Info("a candidate is invalid", "candidate", c.hash.Short(), "parent", c.leaf.Hash.Short(), "err", why)
	if c.verdict == signbytes.Seconded {
		c.sub.Send(&candidateselectionv1.Invalid{
			RelayParent: c.leaf.Hash[:], Receipt: parachain.ReceiptMessage(c.receipt),
		})
		return
	}
	c.speak(signbytes.Invalid)
}

// speak has a statement signed, counts it and shares it.
func (c *cause) speak(v signbytes.Verdict) {
	if v == signbytes.Seconded && c.seconded {
		return
	}
	in := c.context()
	q := &keystorev1.SignStatement{
		Session: in.Session, RelayParent: in.RelayParent[:], Kind: kinds[v], CandidateHash: c.hash[:],
	}
	c.seconded = c.seconded || v == signbytes.Seconded
	subsystem.Ask(c.sub, q, signTimeout, func(r *keystorev1.SignStatementResponse, err error) {
		refusal := r.GetRefusal()
		switch {
		case c.ended:
		case err != nil:
			c.unsaid(v, err.Error())
		case refusal.GetReason() == keystorev1.Refusal_REASON_CONFLICT:
			c.conflict(v, refusal.GetExplanation())
		case refusal != nil:
			c.unsaid(v, refusal.GetExplanation())
		default:
			c.say(v, r.GetSignature().GetSignature())
		}
	})
}

// conflict: this validator has said something else, through another instance or this one before it was started again.
// That stands, so nothing is said now, and no other candidate is seconded on this leaf. It is no fault: the keystore is
// there for it.
func (c *cause) conflict(v signbytes.Verdict, why string) {
	c.counts.conflicts++
	c.sub.Log.Info("something else was said before", "verdict", v, "candidate", c.hash.Short(),
		"parent", c.leaf.Hash.Short(), "err", why)
}

// unsaid: without a signature another candidate may be tried, which the keystore allows or not.
func (c *cause) unsaid(v signbytes.Verdict, why string) {
	if v == signbytes.Seconded {
		c.seconded = false
	}
	c.abstain("nothing is signed: " + why)
}

func (c *cause) say(v signbytes.Verdict, signature []byte) {
	s := statements.Signed{Verdict: v, Candidate: c.hash, Validator: uint32(c.facts.Own)}
	if copy(s.Signature[:], signature) != ed25519.SignatureSize ||
		!parachain.VerifyStatement(c.context(), s, c.key(s.Validator)) {
		c.unsaid(v, "the keystore signs with another key than the session has for this validator")
		return
	}
	message, whole := parachain.StatementMessage(s), c.receipts[c.hash]
	if v == signbytes.Seconded {
		commitments, err := parachain.Commitments(c.outs)
		if err != nil {
			c.unsaid(v, err.Error())
			return
		}
		whole = candidate.CommittedReceipt{Descriptor: c.receipt.Descriptor, Commitments: commitments}
		message.Statement = &primitivesv1.Statement{
			Kind: &primitivesv1.Statement_Seconded{Seconded: parachain.CommittedMessage(whole)}}
	}
	c.count(v)
	c.sub.About(c.hash[:], v.String(), func() {
		c.sub.Send(&statementdistributionv1.Share{RelayParent: c.leaf.Hash[:], Statement: message})
		if v == signbytes.Seconded {
			c.sub.Send(&povdistributionv1.DistributePoV{
				RelayParent: c.leaf.Hash[:], Descriptor_: parachain.DescriptorMessage(c.receipt.Descriptor), Pov: c.pov,
			})
		}
		c.take(s, whole)
	})
	if v == signbytes.Seconded {
		c.distribute()
	}
}

// distribute has each validator sent its chunk. It would fetch it by itself, once the candidate is on a core; so it has
// it by then.
func (c *cause) distribute() {
	q := &availabilitystorev1.QueryAllChunks{Candidate: c.hash[:]}
	subsystem.Watch(c.sub, q, storeTimeout, func(r *availabilitystorev1.QueryAllChunksResponse) {
		if chunk := r.GetChunk(); !c.ended && chunk.GetIndex() != uint32(c.facts.Own) {
			c.sub.Send(&availabilitydistributionv1.DistributeChunk{Candidate: c.hash[:], Chunk: chunk})
		}
	}, func(error) {})
}

func (c *cause) count(v signbytes.Verdict) {
	switch v {
	case signbytes.Seconded:
		c.counts.seconded++
		c.sub.Log.Info("seconded", "candidate", c.hash.Short(), "para", c.own, "parent", c.leaf.Hash.Short())
	case signbytes.Valid:
		c.counts.valid++
		c.sub.Log.Debug("valid", "candidate", c.hash.Short(), "para", c.own, "parent", c.leaf.Hash.Short())
	}
}
