package candidatebacking

import (
	"bytes"

	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/core/statements"
	"github.com/reevenet/reeve/internal/parachain"
	candidatebackingv1 "github.com/reevenet/reeve/proto/reeve/candidatebacking/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
)

// onSecond takes a candidate to propose. The first that is found valid is; until then another may be tried.
func (j *job) onSecond(q *candidatebackingv1.Second) {
	r, err := parachain.Receipt(q.GetReceipt())
	hash := r.Hash()
	para := r.Descriptor.Collation.ParaID
	switch {
	case err != nil:
		j.ignore("a receipt that is none: "+err.Error(), hash[:])
		return
	case r.Descriptor.Collation.RelayParent != j.leaf.Hash:
		j.ignore("it was made on another relay parent", hash[:])
		return
	case !j.mine || para != j.own:
		j.ignore("this validator isn't assigned to its para", hash[:])
		return
	case j.seconded:
		j.ignore("another candidate was seconded", hash[:])
		return
	case j.spoken[hash]:
		j.ignore("it was judged before", hash[:])
		return
	}
	j.spoken[hash] = true
	c := &cause{job: j, receipt: r, hash: hash, verdict: signbytes.Seconded, pov: q.GetPov()}
	j.sub.About(hash[:], "second", c.judge)
}

func (j *job) ignore(why string, candidate []byte) {
	j.sub.Log.Info("a candidate isn't seconded: "+why, "parent", j.leaf.Hash.Short(), "candidate", candidate)
}

// onStatement takes what a peer validator says.
func (j *job) onStatement(m *primitivesv1.SignedStatement) {
	s, err := parachain.Statement(m)
	if err != nil || !parachain.VerifyStatement(j.context(), s, j.key(s.Validator)) {
		j.counts.badSignatures++
		j.sub.Log.Info("dropped: a statement whose signature doesn't hold", "validator", m.GetValidator(), "err", err)
		return
	}
	var r candidate.CommittedReceipt
	if seconded := m.GetStatement().GetSeconded(); seconded != nil {
		r, err = parachain.Committed(seconded) // it has been hashed above
		if err != nil || r.Descriptor.Collation.RelayParent != j.leaf.Hash {
			j.sub.Log.Info("dropped: a candidate of another relay parent", "validator", s.Validator)
			return
		}
	} else if s.Verdict == signbytes.Seconded && !j.table.Knows(s.Candidate) {
		return // the hash alone is of no use
	}
	j.sub.About(s.Candidate[:], "statement", func() { j.take(s, r) })
}

// take counts a statement and does what follows from it.
func (j *job) take(s statements.Signed, r candidate.CommittedReceipt) {
	para := r.Descriptor.Collation.ParaID
	if known, ok := j.receipts[s.Candidate]; ok {
		r, para = known, known.Descriptor.Collation.ParaID
	}
	if int64(s.Validator) == int64(j.facts.Own) { // said now, or before this process was started anew
		j.spoken[s.Candidate], j.seconded = true, j.seconded || s.Verdict == signbytes.Seconded
	}
	out := j.table.Import(s, para)
	if j.table.Knows(s.Candidate) {
		j.receipts[s.Candidate] = r
	}
	for _, m := range out.Misbehavior {
		j.report(m, r)
	}
	if out.Backable != nil {
		j.backable(*out.Backable)
	}
	if out.New && s.Verdict == signbytes.Seconded && j.duty(para) && !j.spoken[s.Candidate] {
		j.second(s, r)
	}
	if c := j.unfetched[s.Candidate]; c != nil && out.New && s.Verdict == signbytes.Valid {
		c.fetch()
	}
}

// duty tells whether this validator is to judge candidates of the para.
func (j *job) duty(para uint32) bool { return j.mine && para == j.own }

// second judges a candidate that another member of the group has seconded.
func (j *job) second(s statements.Signed, r candidate.CommittedReceipt) {
	short, err := r.Receipt()
	if err != nil {
		return
	}
	j.spoken[s.Candidate] = true
	if only := j.seats[j.own].collator; len(only) > 0 && !bytes.Equal(only, r.Descriptor.Collation.Collator[:]) {
		return // the core is another collator's: it can't be included, and there is nothing to say of it
	}
	c := &cause{
		job: j, receipt: short, hash: s.Candidate, verdict: signbytes.Valid, seconder: s.Validator,
	}
	c.fetch()
}
