"""A key is found whatever stands before and after it: quotes, brackets, escapes, markup, control bytes, nothing.

Keys are drawn afresh in every run; a failure names the seed they were drawn with.
"""

from __future__ import annotations

import random

import pytest
from support import findings_in

from llmsecrets.templates import expand

VENDORS = {  # the vendor's own rule, and a template of its key
    "anthropic-api-key": "sk-ant-api03-{{base64url:93}}AA",
    "anthropic-admin-key": "sk-ant-admin01-{{base64url:93}}AA",
    "openai-project-key": "sk-proj-{{base64url:74}}T3BlbkFJ{{base64url:74}}",
    "openai-service-account-key": "sk-svcacct-{{base64url:58}}T3BlbkFJ{{base64url:58}}",
    "openai-legacy-key": "sk-{{alnum:20}}T3BlbkFJ{{alnum:20}}",
    "groq-api-key": "gsk_{{alnum:20}}WGdyb3FY{{alnum:24}}",
    "huggingface-user-token": "hf_{{letters:34}}",
    "replicate-api-token": "r8_{{alnum:37}}",
    "perplexity-api-key": "pplx-{{alnum:48}}",
    "xai-api-key": "xai-{{alnum:80}}",
    "openrouter-api-key": "sk-or-v1-{{hex:64}}",
    "together-api-key": "tgp_v1_{{base64url:43}}",
    "fireworks-api-key": "fw_{{alnum:24}}",
    "cerebras-api-key": "csk-{{lowernum:48}}",
    "nvidia-nim-api-key": "nvapi-{{base64url:64}}",
    "friendli-api-key": "flp_{{alnum:46}}",
    "helicone-api-key": "sk-helicone-{{lowernum:7}}-{{lowernum:7}}-{{lowernum:7}}-{{lowernum:7}}",
    "pinecone-api-key": "pcsk_{{alnum:6}}_{{alnum:63}}",
    "langsmith-personal-token": "lsv2_pt_{{hex:32}}_{{hex:10}}",
    "langfuse-secret-key": "sk-lf-{{uuid}}",
    "wandb-api-key-v1": "wandb_v1_{{word:77}}",
    "tavily-api-key": "tvly-dev-{{alnum:32}}",
    "firecrawl-api-key": "fc-{{hex:32}}",
    "e2b-api-key": "e2b_{{hex:40}}",
    "llamacloud-api-key": "llx-{{alnum:48}}",
    "elevenlabs-api-key": "sk_{{hex:48}}",
    "runpod-api-key": "rpa_{{uppernum:40}}{{alnum:6}}",
    "databricks-pat": "dapi{{hex:32}}",
    "vercel-ai-gateway-key": "{{make:crc32-base62-6:vck_:50:alnum}}",
    "aws-bedrock-api-key-long": "{{make:bedrock-long}}",
}
BEFORE = ("", '"', "'", "KEY=", "key: ", "Authorization: Bearer ", '{\\"key\\": \\"', "?api_key=", "(", "\\n", "%22",
          "\x1b[32m")  # fmt: skip
AFTER = ("", '"', "'", "`", '\\"', ",", ")", "}", "]", "<", "&", "|", ":", ";", ".", "?", "@", "*", "%22", "\\n", "\0",
         "\x1b[0m", "\r\n", "…")  # fmt: skip


def test_the_probe_is_as_wide_as_promised() -> None:
    assert (len(VENDORS), len(AFTER), len(BEFORE)) == (30, 24, 12)


@pytest.mark.parametrize("rule_id", VENDORS)
def test_a_key_is_found_once_by_its_vendors_own_rule_between_any_two_contexts(rule_id, engine) -> None:
    seed = random.randrange(1 << 32)
    for before in BEFORE:
        for number, after in enumerate(AFTER):
            key = expand(VENDORS[rule_id], seed + number)
            found = [one.finding for one in findings_in(engine, f"{before}{key}{after}".encode())]
            assert [(one.rule_id, one.secret.reveal()) for one in found] == [(rule_id, key.encode())], (
                f"seed {seed} + {number}, before {before!r}, after {after!r}"
            )
