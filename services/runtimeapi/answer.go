package runtimeapi

import (
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/reevenet/reeve/overseer/subsystem"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	runtimeapiv1 "github.com/reevenet/reeve/proto/reeve/runtimeapi/v1"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
)

// read is what the VM has answered, or the error that an asker decides by. An answer of another kind than the question
// is the VM's failure, as is one that doesn't decode: the VM is a stranger.
func read(k key, r *pluginv1.QueryRuntimeResponse, err error) (*runtimeapiv1.RuntimeApiAnswer,
	*runtimeapiv1.RuntimeApiError) {
	failed := func(code runtimeapiv1.RuntimeApiError_Code, detail string) (*runtimeapiv1.RuntimeApiAnswer,
		*runtimeapiv1.RuntimeApiError) {
		return nil, &runtimeapiv1.RuntimeApiError{Code: code, Detail: detail}
	}
	if err != nil {
		return failed(codeOf(err), err.Error())
	}
	switch e := r.GetError().GetKind().(type) {
	case nil:
		if r.GetError() != nil {
			return failed(runtimeapiv1.RuntimeApiError_CODE_VM_FAILED, "an error of a kind that this version doesn't know")
		}
	case *pluginv1.Error_NotFound:
		return failed(runtimeapiv1.RuntimeApiError_CODE_UNKNOWN_BLOCK, "block "+k.block.Short()+" isn't known here")
	case *pluginv1.Error_Pruned:
		return failed(runtimeapiv1.RuntimeApiError_CODE_PRUNED_STATE,
			"the state after block "+k.block.Short()+" is no longer kept")
	case *pluginv1.Error_Unimplemented:
		return failed(runtimeapiv1.RuntimeApiError_CODE_UNSUPPORTED, "the VM doesn't know "+e.Unimplemented.GetWhat())
	case *pluginv1.Error_InvalidBlock:
		return failed(runtimeapiv1.RuntimeApiError_CODE_BAD_REQUEST, e.InvalidBlock.GetReason())
	default:
		return failed(runtimeapiv1.RuntimeApiError_CODE_VM_FAILED, r.GetError().String())
	}
	answer := &runtimeapiv1.RuntimeApiAnswer{}
	if err := proto.Unmarshal(r.GetResponse(), answer); err != nil {
		return failed(runtimeapiv1.RuntimeApiError_CODE_VM_FAILED, "the VM's answer doesn't decode: "+err.Error())
	}
	if asked, got := kindOf(k.question), answer.ProtoReflect().WhichOneof(kindField(answer)); got == nil ||
		asked != got.Name() {
		return failed(runtimeapiv1.RuntimeApiError_CODE_VM_FAILED, "the VM answers another question")
	}
	if h := answer.GetBlockHeader().GetHeader(); h != nil {
		h.Hash = k.block[:] // the VM knows its block by another name
	}
	return answer, nil
}

// codeOf is what it means that the VM couldn't be asked.
func codeOf(err error) runtimeapiv1.RuntimeApiError_Code {
	if subsystem.CodeOf(err) == subsystem.Unimplemented {
		return runtimeapiv1.RuntimeApiError_CODE_UNSUPPORTED
	}
	return runtimeapiv1.RuntimeApiError_CODE_VM_FAILED
}

// kindOf is the name of a question's kind. Question and answer of a kind have one name in their enums.
func kindOf(question string) protoreflect.Name {
	q := &runtimeapiv1.RuntimeApiRequest{}
	if err := proto.Unmarshal([]byte(question), q); err != nil {
		return ""
	}
	if f := q.ProtoReflect().WhichOneof(kindField(q)); f != nil {
		return f.Name()
	}
	return ""
}

func kindField(m proto.Message) protoreflect.OneofDescriptor {
	return m.ProtoReflect().Descriptor().Oneofs().ByName("kind")
}

// codeNamed is the validation code that an answer names by reference, or nil.
func codeNamed(a *runtimeapiv1.RuntimeApiAnswer) *primitivesv1.BlobRef {
	if c := a.GetValidationCode().GetCode(); c != nil {
		return c
	}
	return a.GetValidationCodeByHash().GetCode()
}

// keep remembers an answer. Code that it names is held in the blob store for as long, first; if that fails the answer is
// as good as ever, and not remembered.
func (a *api) keep(k key, answer *runtimeapiv1.RuntimeApiAnswer, then func()) {
	code := codeNamed(answer)
	if code == nil {
		a.cache.put(k, answer, a.sub.Now().Add(never))
		then()
		return
	}
	until := a.sub.Now().Add(codeKept)
	a.sub.Blobs().Hold(code, 2*codeKept, func(err error) {
		if err == nil {
			a.cache.put(k, answer, until)
		}
		then()
	})
}
