package host

import (
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/core/statements"
	"github.com/reevenet/reeve/internal/parachain"
	"github.com/reevenet/reeve/overseer/subsystem"
	keystorev1 "github.com/reevenet/reeve/proto/reeve/keystore/v1"
	povdistributionv1 "github.com/reevenet/reeve/proto/reeve/povdistribution/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	statementdistributionv1 "github.com/reevenet/reeve/proto/reeve/statementdistribution/v1"
)

// speaker stands behind candidate-backing: what it says of candidates is what validators are held to.
type speaker struct {
	*liar
	say func(*speaker, saying) []proto.Message
	// sessions are those of the relay parents at which something was signed last.
	sessions map[primitives.Hash]uint32
	// povs are proofs that go with lies, by the hash of the proof that goes with the truth.
	own map[string]bool
}

// saying is a statement of the validator's own, on its way to the others.
type saying struct {
	in     signbytes.Context
	signed statements.Signed
	// receipt is that of a candidate that it proposes; nil: it speaks about one that another has proposed.
	receipt *candidate.CommittedReceipt
	message proto.Message
}

func speakerThat(say func(*speaker, saying) []proto.Message) func(*liar) subsystem.Interceptor {
	return func(l *liar) subsystem.Interceptor {
		return &speaker{liar: l, say: say, sessions: map[primitives.Hash]uint32{}, own: map[string]bool{}}
	}
}

// maxSessions is of how many relay parents the session is remembered.
const maxSessions = 64

// Ask is subsystem.Interceptor. It learns the session of a relay parent from what the keystore is asked to sign.
func (s *speaker) Ask(req proto.Message) proto.Message {
	if q, is := req.(*keystorev1.SignStatement); is {
		if len(s.sessions) >= maxSessions {
			clear(s.sessions)
		}
		s.sessions[primitives.Hash(q.GetRelayParent())] = q.GetSession()
	}
	return nil
}

// Send is subsystem.Interceptor.
func (s *speaker) Send(m proto.Message) []proto.Message {
	share, is := m.(*statementdistributionv1.Share)
	if !is {
		return s.alongside(m)
	}
	one := saying{message: m, in: signbytes.Context{RelayParent: primitives.Hash(share.GetRelayParent())}}
	one.in.Session = s.sessions[one.in.RelayParent]
	var err error
	if one.signed, err = parachain.Statement(share.GetStatement()); err != nil {
		return []proto.Message{m}
	}
	if seconded := share.GetStatement().GetStatement().GetSeconded(); seconded != nil {
		r, err := parachain.Committed(seconded)
		if err != nil {
			return []proto.Message{m}
		}
		one.receipt = &r
	}
	return s.say(s, one)
}

// alongside is what goes with a statement. The proof of a candidate that nobody was told of isn't served.
func (s *speaker) alongside(m proto.Message) []proto.Message {
	if d, is := m.(*povdistributionv1.DistributePoV); is && s.own[string(d.GetDescriptor_().GetPovHash())] {
		delete(s.own, string(d.GetDescriptor_().GetPovHash()))
		return nil
	}
	return []proto.Message{m}
}

// share is a statement of the validator's, signed with the key itself: nothing is written down, and nothing refused.
func (s *speaker) share(in signbytes.Context, v signbytes.Verdict, by uint32, id primitives.Hash,
	receipt *candidate.CommittedReceipt) proto.Message {
	said := statements.Signed{Verdict: v, Candidate: id, Validator: by}
	if payload, err := said.Payload(in).Encode(); err == nil { // a verdict that there is always has one
		copy(said.Signature[:], s.secret.Sign(payload))
	}
	m := parachain.StatementMessage(said)
	if receipt != nil {
		m.Statement.Kind = &primitivesv1.Statement_Seconded{Seconded: parachain.CommittedMessage(*receipt)}
	}
	return &statementdistributionv1.Share{RelayParent: in.RelayParent[:], Statement: m}
}

// both says the opposite, too.
func (s *speaker) both(one saying) []proto.Message {
	against := s.share(one.in, signbytes.Invalid, one.signed.Validator, one.signed.Candidate, nil)
	return []proto.Message{one.message, against}
}

// accuse says that it is invalid, whatever it is.
func (s *speaker) accuse(one saying) []proto.Message {
	return []proto.Message{s.share(one.in, signbytes.Invalid, one.signed.Validator, one.signed.Candidate, nil)}
}

// two proposes another candidate as well, which is as good.
func (s *speaker) two(one saying) []proto.Message {
	if one.receipt == nil {
		return []proto.Message{one.message}
	}
	return []proto.Message{one.message, s.proposes(one, func(*signbytes.Collation) {})}
}

// wrongRoot proposes a candidate whose chunks belong to other data.
func (s *speaker) wrongRoot(one saying) []proto.Message {
	if one.receipt == nil {
		return []proto.Message{one.message}
	}
	return []proto.Message{s.proposes(one, func(c *signbytes.Collation) { c.ErasureRoot[0] ^= 1 })}
}

const (
	noiseSize  = 4 << 10
	noiseLease = time.Minute
)

// garbage proposes a candidate of noise. Its proof is there for whoever asks, so that all see what it is.
func (s *speaker) garbage(one saying) []proto.Message {
	if one.receipt == nil {
		return []proto.Message{one.message}
	}
	s.own[string(one.receipt.Descriptor.Collation.PoVHash[:])] = true
	pov := noise(s.sub.Rand(), noiseSize)
	s.sub.Blobs().Put(pov, noiseLease, func(ref *primitivesv1.BlobRef, err error) {
		if err != nil {
			s.sub.Log.Warn("a lie can't be told", "err", err)
			return
		}
		lie := s.twin(*one.receipt, func(c *signbytes.Collation) { c.PoVHash = candidate.PoVHash(pov) })
		id, err := lie.Hash()
		if err != nil {
			return
		}
		s.sub.Send(s.share(one.in, signbytes.Seconded, one.signed.Validator, id, &lie))
		s.sub.Send(&povdistributionv1.DistributePoV{
			RelayParent: one.in.RelayParent[:], Descriptor_: parachain.DescriptorMessage(lie.Descriptor),
			Pov: &primitivesv1.PoV{BlockData: ref},
		})
	})
	return nil
}

// proposes is Seconded of a candidate that differs from the true one.
func (s *speaker) proposes(one saying, change func(*signbytes.Collation)) proto.Message {
	lie := s.twin(*one.receipt, change)
	id, err := lie.Hash()
	if err != nil {
		return one.message
	}
	return s.share(one.in, signbytes.Seconded, one.signed.Validator, id, &lie)
}

// twin is a candidate like the given one, but for a change, of a collator whose key the liar has: its own.
func (s *speaker) twin(r candidate.CommittedReceipt, change func(*signbytes.Collation)) candidate.CommittedReceipt {
	c := &r.Descriptor.Collation
	change(c)
	c.Collator = s.secret.Public()
	if payload, err := c.Encode(); err == nil { // it can't fail
		copy(r.Descriptor.Signature[:], s.secret.Sign(payload))
	}
	return r
}
