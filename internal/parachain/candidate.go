package parachain

import (
	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/signbytes"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
)

// Descriptor is the canonical value of a message. The collator's signature isn't checked.
func Descriptor(m *primitivesv1.CandidateDescriptor) (candidate.Descriptor, error) {
	var f fields
	d := f.descriptor(m)
	return d, f.err
}

func (f *fields) descriptor(m *primitivesv1.CandidateDescriptor) candidate.Descriptor {
	if m == nil {
		f.fail(malformed("there is no descriptor"))
		return candidate.Descriptor{}
	}
	return candidate.Descriptor{
		Collation: signbytes.Collation{
			ParaID:                      m.GetPara(),
			RelayParent:                 f.hash("the relay parent", m.GetRelayParent()),
			Collator:                    f.hash("the collator", m.GetCollator()),
			PersistedValidationDataHash: f.hash("the validation data's hash", m.GetPersistedValidationDataHash()),
			PoVHash:                     f.hash("the hash of the proof of validity", m.GetPovHash()),
			ErasureRoot:                 f.hash("the erasure root", m.GetErasureRoot()),
			ValidationCodeHash:          f.hash("the validation code's hash", m.GetValidationCodeHash()),
			ParaHead:                    f.hash("the hash of the para's head", m.GetParaHead()),
		},
		Signature: f.signature(m.GetSignature()),
	}
}

// DescriptorMessage is the message of a canonical value.
func DescriptorMessage(d candidate.Descriptor) *primitivesv1.CandidateDescriptor {
	c := d.Collation
	return &primitivesv1.CandidateDescriptor{
		Para: c.ParaID, RelayParent: c.RelayParent[:], Collator: c.Collator[:],
		PersistedValidationDataHash: c.PersistedValidationDataHash[:], PovHash: c.PoVHash[:],
		ErasureRoot: c.ErasureRoot[:], ValidationCodeHash: c.ValidationCodeHash[:], ParaHead: c.ParaHead[:],
		Signature: d.Signature[:],
	}
}

// Receipt is the canonical value of a message.
func Receipt(m *primitivesv1.CandidateReceipt) (candidate.Receipt, error) {
	var f fields
	r := candidate.Receipt{
		Descriptor:      f.descriptor(m.GetDescriptor_()),
		CommitmentsHash: f.hash("the commitments' hash", m.GetCommitmentsHash()),
	}
	return r, f.err
}

// ReceiptMessage is the message of a canonical value.
func ReceiptMessage(r candidate.Receipt) *primitivesv1.CandidateReceipt {
	return &primitivesv1.CandidateReceipt{
		Descriptor_: DescriptorMessage(r.Descriptor), CommitmentsHash: r.CommitmentsHash[:],
	}
}

// Committed is the canonical value of a message. Whether its commitments have an encoding shows when it is hashed.
func Committed(m *primitivesv1.CommittedCandidateReceipt) (candidate.CommittedReceipt, error) {
	var f fields
	r := candidate.CommittedReceipt{
		Descriptor: f.descriptor(m.GetDescriptor_()), Commitments: f.commitments(m.GetCommitments()),
	}
	return r, f.err
}

// CommittedMessage is the message of a canonical value.
func CommittedMessage(r candidate.CommittedReceipt) *primitivesv1.CommittedCandidateReceipt {
	return &primitivesv1.CommittedCandidateReceipt{
		Descriptor_: DescriptorMessage(r.Descriptor), Commitments: CommitmentsMessage(r.Commitments),
	}
}

// Commitments is the canonical value of a message.
func Commitments(m *primitivesv1.CandidateCommitments) (candidate.Commitments, error) {
	var f fields
	c := f.commitments(m)
	return c, f.err
}

func (f *fields) commitments(m *primitivesv1.CandidateCommitments) candidate.Commitments {
	if m == nil {
		f.fail(malformed("there are no commitments"))
	}
	c := candidate.Commitments{
		HeadData: m.GetHeadData(), UpwardMessages: m.GetUpwardMessages(),
		ProcessedDownwardMessages: m.GetProcessedDownwardMessages(),
	}
	if code := m.GetNewValidationCode(); code != nil {
		c.NewValidationCode = &candidate.Code{
			Hash: f.hash("the new validation code's hash", code.GetHash()), Size: code.GetSize(),
		}
	}
	return c
}

// CommitmentsMessage is the message of a canonical value.
func CommitmentsMessage(c candidate.Commitments) *primitivesv1.CandidateCommitments {
	m := &primitivesv1.CandidateCommitments{
		HeadData: c.HeadData, UpwardMessages: c.UpwardMessages,
		ProcessedDownwardMessages: c.ProcessedDownwardMessages,
	}
	if code := c.NewValidationCode; code != nil {
		m.NewValidationCode = &primitivesv1.BlobRef{Hash: code.Hash[:], Size: code.Size}
	}
	return m
}

// ValidationData is the canonical value of a message.
func ValidationData(m *primitivesv1.PersistedValidationData) (candidate.PersistedValidationData, error) {
	var f fields
	d := candidate.PersistedValidationData{
		ParentHead: m.GetParentHead(), RelayParentNumber: m.GetRelayParentNumber(),
		RelayParentStorageRoot: f.hash("the state root", m.GetRelayParentStorageRoot()), MaxPoVSize: m.GetMaxPovSize(),
	}
	return d, f.err
}

// ValidationDataMessage is the message of a canonical value.
func ValidationDataMessage(d candidate.PersistedValidationData) *primitivesv1.PersistedValidationData {
	return &primitivesv1.PersistedValidationData{
		ParentHead: d.ParentHead, RelayParentNumber: d.RelayParentNumber,
		RelayParentStorageRoot: d.RelayParentStorageRoot[:], MaxPovSize: d.MaxPoVSize,
	}
}
