package relayvm

import (
	runtimeapiv1 "github.com/reevenet/reeve/proto/reeve/runtimeapi/v1"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

type (
	request = runtimeapiv1.RuntimeApiRequest
	answer  = runtimeapiv1.RuntimeApiAnswer
)

// answer answers each kind of question with the same kind of answer.
func (q *question) answer(r *request) (*answer, error) {
	switch k := r.GetKind().(type) {
	case *runtimeapiv1.RuntimeApiRequest_Validators:
		return &answer{Kind: &runtimeapiv1.RuntimeApiAnswer_Validators{Validators: q.validators(k.Validators)}}, nil
	case *runtimeapiv1.RuntimeApiRequest_SigningContext:
		return &answer{Kind: &runtimeapiv1.RuntimeApiAnswer_SigningContext{SigningContext: q.signingContext()}}, nil
	case *runtimeapiv1.RuntimeApiRequest_ValidationCode:
		a, err := q.validationCode(k.ValidationCode)
		return &answer{Kind: &runtimeapiv1.RuntimeApiAnswer_ValidationCode{ValidationCode: a}}, err
	case *runtimeapiv1.RuntimeApiRequest_ValidatorGroups:
		return &answer{Kind: &runtimeapiv1.RuntimeApiAnswer_ValidatorGroups{ValidatorGroups: q.groups()}}, nil
	case *runtimeapiv1.RuntimeApiRequest_AvailabilityCores:
		a, err := q.cores()
		return &answer{Kind: &runtimeapiv1.RuntimeApiAnswer_AvailabilityCores{AvailabilityCores: a}}, err
	case *runtimeapiv1.RuntimeApiRequest_PersistedValidationData:
		a, err := q.validationData(k.PersistedValidationData)
		return &answer{Kind: &runtimeapiv1.RuntimeApiAnswer_PersistedValidationData{PersistedValidationData: a}}, err
	case *runtimeapiv1.RuntimeApiRequest_SessionIndexForChild:
		a := &runtimeapiv1.SessionIndexForChildAnswer{Session: q.kept.world.session.Index}
		return &answer{Kind: &runtimeapiv1.RuntimeApiAnswer_SessionIndexForChild{SessionIndexForChild: a}}, nil
	case *runtimeapiv1.RuntimeApiRequest_CheckValidationOutputs:
		a, err := q.checkOutputs(k.CheckValidationOutputs)
		return &answer{Kind: &runtimeapiv1.RuntimeApiAnswer_CheckValidationOutputs{CheckValidationOutputs: a}}, err
	case *runtimeapiv1.RuntimeApiRequest_CandidatePendingAvailability:
		a, err := q.pending(k.CandidatePendingAvailability.GetPara())
		return &answer{Kind: &runtimeapiv1.RuntimeApiAnswer_CandidatePendingAvailability{
			CandidatePendingAvailability: a}}, err
	case *runtimeapiv1.RuntimeApiRequest_CandidateEvents:
		a, err := q.events()
		return &answer{Kind: &runtimeapiv1.RuntimeApiAnswer_CandidateEvents{CandidateEvents: a}}, err
	case *runtimeapiv1.RuntimeApiRequest_ValidationCodeByHash:
		a, err := q.codeByHash(k.ValidationCodeByHash.GetHash())
		return &answer{Kind: &runtimeapiv1.RuntimeApiAnswer_ValidationCodeByHash{ValidationCodeByHash: a}}, err
	case *runtimeapiv1.RuntimeApiRequest_BlockHeader:
		return &answer{Kind: &runtimeapiv1.RuntimeApiAnswer_BlockHeader{BlockHeader: q.header()}}, nil
	case *runtimeapiv1.RuntimeApiRequest_Ancestors:
		a, err := q.ancestors(k.Ancestors.GetCount())
		return &answer{Kind: &runtimeapiv1.RuntimeApiAnswer_Ancestors{Ancestors: a}}, err
	case *runtimeapiv1.RuntimeApiRequest_LastIncluded:
		a, err := q.lastIncluded(k.LastIncluded.GetPara())
		return &answer{Kind: &runtimeapiv1.RuntimeApiAnswer_LastIncluded{LastIncluded: a}}, err
	}
	return nil, &vmsdk.UnimplementedError{What: "this question"}
}
