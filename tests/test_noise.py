"""What the files of real projects are full of and what is no secret, in the shapes those files have."""

from __future__ import annotations

import pytest
from support import make_key

from llmsecrets.templates import expand

# Packages of services whose keys are known by the service's name.
NAMES = "linode algolia stripe aliyun openai langchain cohere pinecone sendgrid cloudflare alibabacloud twilio".split()
LOCK_FILES = {
    "go.sum": "example.com/NAME/auth-go v1.2.3 h1:DIGEST=\nexample.com/NAME/auth-go v1.2.3/go.mod h1:DIGEST=\n",
    "requirements.txt": "NAME==1.2.3 \\\n    --hash=sha256:HEX64 \\\n    --hash=sha256:HEX64\n",
    "poetry.lock": 'name = "NAME"\nfiles = [\n    {file = "NAME-1.2-py3-none-any.whl", hash = "sha256:HEX64"},\n]\n',
    "uv.lock": 'name = "NAME"\nsdist = { url = "https://a.test/HEX2/NAME-1.2.tar.gz", hash = "sha256:HEX64" }\n',
    "yarn.lock": '"NAME@^1.0.0":\n  resolved "https://registry.yarnpkg.com/NAME/-/NAME-1.2.tgz#HEX40"\n'
                 "  integrity sha512-DIGESTDIGEST==\n",
    "berry/yarn.lock": '"NAME@npm:^1.0.0":\n  resolution: "NAME@npm:1.2.3"\n  checksum: 10c0/HEX64HEX64\n',
    "package-lock.json": '"node_modules/NAME": {"resolved": "https://registry.npmjs.org/NAME/-/NAME-1.2.tgz",\n'
                         ' "integrity": "sha512-DIGESTDIGEST=="},\n',
    "pnpm-lock.yaml": "  /NAME@1.2.3:\n    resolution: {integrity: sha512-DIGESTDIGEST==}\n",
    "Cargo.lock": '[[package]]\nname = "async-NAME"\nversion = "0.1.1"\nchecksum = "HEX64"\n',
    "Gemfile.lock": "CHECKSUMS\n  NAME (8.0.1) sha256=HEX64\n",
    "Podfile.lock": "SPEC CHECKSUMS:\n  NAME-auth: HEX40\n",
    "composer.lock": '{"name": "NAME/NAME-php", "dist": {"url": "https://api.github.com/repos/NAME/NAME-php/zipball/HEX40",\n'
                     ' "reference": "HEX40", "shasum": ""}},\n',
    "deno.lock": '"https://deno.land/x/NAME@1.2/mod.ts": "HEX64",\n',
    ".terraform.lock.hcl": 'provider "registry.terraform.io/NAME/NAME" {\n  hashes = [\n    "h1:DIGEST=",\n'
                           '    "zh:HEX64",\n  ]\n}\n',
    "flake.lock": '"NAME":{"locked":{"narHash":"sha256-DIGEST=","owner":"NAME","rev":"HEX40"}},\n',
    "Package.resolved": '{"identity":"NAME-swift","state":{"revision":"HEX40","version":"1.2"}},\n',
    "pubspec.lock": '  NAME:\n    description:\n      name: NAME\n      sha256: "HEX64"\n',
    "go.mod": "\tgithub.com/NAME/go-http-auth => github.com/NAME/go-http-auth v0.4.1-0.20200324110947-HEX12\n",
}  # fmt: skip


@pytest.mark.parametrize("name", LOCK_FILES)
def test_digests_beside_a_service_in_a_lock_file_are_no_keys(name: str, tmp_path, scan) -> None:
    """Where the path is not known, as in a paste, no digest that names its algorithm is taken for one either."""
    text = "".join(_filled(LOCK_FILES[name].replace("NAME", service), seed) for seed, service in enumerate(5 * NAMES))
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    assert scan(path).json["findings"] == []
    if "Podfile" not in name:
        assert scan("-", stdin=text.encode()).json["findings"] == []


def _filled(text: str, seed: int) -> str:
    sizes = {"HEX64": "{{hex:64}}", "HEX40": "{{hex:40}}", "HEX12": "{{hex:12}}", "HEX2": "{{hex:2}}",
             "DIGEST": "{{alnum:20}}+{{alnum:11}}/{{alnum:10}}"}  # fmt: skip
    for word, template in sizes.items():
        while word in text:
            seed += 100
            text = text.replace(word, expand(template, seed), 1)
    return text


def test_a_key_in_a_lock_file_is_found(tmp_path, scan) -> None:
    key = make_key("npm")
    (tmp_path / "yarn.lock").write_text(f'  resolved "https://registry.acme.test/a.tgz?token={key}#{"0b" * 20}"\n')
    assert [one["rule_id"] for one in scan(tmp_path / "yarn.lock").json["findings"]] == ["npm-access-token"]


@pytest.mark.parametrize(
    "line",
    [
        "# Issuer: CN=Buypass Class 2 Root CA O=Buypass AS-983163327",
        '"ARN": "arn:aws:secretsmanager:us-west-2:123456789012:secret:MyTestDatabaseSecret-a1b2c3",',
        '"clientRequestToken": "{{uuid}}",',
        '"LifecycleActionToken": "{{uuid}}",',
        "a=ice-pwd:{{alnum:24}}",
        "    'claude-3-5-sonnet-latest',\n    'claude-3-5-haiku-20241022',\n    'claude-3-opus-20240229',",
        "('claude-opus-4-1', 'code_execution_20250825'),",
        '"cloudflare_macaddress_dash_key": "00-50-56-8c-19-f4",',
        "spring.mail.password=\nspring.mail.properties.mail.smtp.auth=true",
        "{{alnum:60}}\nEAAAABAAAAAAAAFTP8AAAAAAAAAAAAAAAAAAAAAAAEAAAAAAAAA9{{alnum:30}}",
        "{{alnum:60}}\nAAAAAAAAAAAAAAAAAAEAAAAAAAAAAAAAAAAAAAABAAAAAAAAAAAAAAAAAABAAAAABQAA1{{alnum:20}}",
        "    - SharedKey golangrocksonazure:{{alnum:43}}=",
        "the password doesn&#8217;t match",
        "--md-accent-bg-color--light: #fff",
        "api/service/sts/#STS.AssumeRoleWithWebIdentity",
        'const opGetStreamingDistribution = "GetStreamingDistribution2019_03_26"',
        'CREWAI_ENTERPRISE_DEFAULT_OAUTH2_AUDIENCE = "client_{{upper:24}}07"',
        '"SessionToken": "{{alnum:90}}wEXAMPLE{{alnum:120}}"',
        "cookie = parseCookie(9223372036854773807L)",
        "kind: Secret\ndata:\n  azurestorageaccountname: {{b64:[[lower:12]]}}",
        "{{alnum:60}}+{{alnum:11}}AAAAAAAAAA{{alnum:43}}+{{alnum:60}}",
        'parse("http://user:%F0%9F%8D%A9@host/")',
        '"ClientToken": "{{uuid}}",',
        "aws dynamodb list-backups --starting-token {{alnum:60}}",
        '"tokenExpirationTime": "2022-03-16T03:45:09+00:00"',
        '<a href="https://issues.jenkins.io/browse/JENKINS-23271">JENKINS-23271</a>',
        '"__meta_digitalocean_db_size": "db-s-1vcpu-2gb",',
        '"x-a2a-notification-token": "X-A2A-NOTIFICATION-TOKEN-XXX"',
        "f.write('machine acme.test login token password expired-auth-token-1\\n')",
        "CELERY_RESULT_DBURI = 'mysql://scott:tiger@localhost/foo'",
        'registry.add("spring.neo4j.authentication.password", neo4j::getAdminPassword);',
        'return SecretKeyFactory.getInstance("PBKDF2WithHmacSHA512");',
        '"password": "%F0%9F%92%A9"',
        'headers = {"Authorization": "Basic dXNlcjpwYXNz"}',
        '"auth": "dXNlcm5hbWU6cGFzc3dvcmQ="',
        "ldap_passwd:\n    redirect: community.general.ldap_passwd",
        '$_ := set $settings "SMTPPassword" .Values.config.smtpPassword',
        "- name: MARIADB_ROOT_PASSWORD_FILE\n  value: /opt/bitnami/mariadb/secrets/mariadb-root-password",
        "#   DATABASE_URL=postgres://myuser:mypass@localhost/somedatabase",
        "kind: Secret\ndata:\n  tls.crt: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCi0tLS0t",
        "kind: Secret\ndata:\n  password: cGFzc3dvcmQ=",
        '"AccessKeyId": "AKID{{upper:10}}EXAMPLE",',
        "ldap_passwd: Provide more information",
        "X509.Load(path, password, X509KeyStorageFlags.UserKeySet);",
        '"enable_tokens": dns.EnableK8sTokensViaDns,',
        '14:00:00", nameof(MigrateAuthenticationDb), "{{uuid}}")]',
        'KeyId.FromHex("0123456789abcdef0123456789abcdef")\nfileKey = "boot5678901234567890123456789012"',
        'token = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"',
        '"disk_encryption_key": "{{b64:Hello from a cloud platform}}"',
        '"Authorization": "Bearer eyJhbGciOiJI...M3{{alnum:20}}"',
        '"Authorization": "Bearer ya29.injected-by-gateway"',
        "IDENTIFIED BY 'YourPwdShouldBeLongAndSecure!'",
        '"{{uuid}}": "LastPass",\n  "{{uuid}}": "Devolutions",',
        "Server=db;Database=app;User Id=user_read;Password=password_read;",
        'LoggedError(logger, "PayPal IPN (2{{uppernum:8}}89{{upper:6}}): no user");',
        'parse("http://%4d%65:%4d^%70@The.Host")',
        "smtp.password = 'doesnotexist'",
        "{{alnum:20}}AAAAAAAAAAAAAAAAAAAAABBBBBBBBBBBCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC",
        "BROWSERLESS_TOKEN={{hex:8}}-{{hex:4}}-{{hex:4}}-{{hex:4}}-{{lower:12}}",
        "service_token={{hex:8}}-{{hex:4}}-{{hex:4}}-{{hex:4}}-{{lower:12}}",
        "TOKEN=eyJhbGciOiJIUzI1NiJ9.payload.signature",
        '"DVTSourceControlWorkspaceBlueprintIdentifierKey" : "{{uuid}}",',
        '"assetToken": "Purple5/v4/55/63/9f/{{uuid}}/icon.jpg",',
        'const apiToken = "abc123xyz456";\nsonar_token: "123456abcdef",',
        "ENV['MAILGUN_APIKEY'] = 'key-73827fakeapikey2329'",
        'password = "2yourpassword"',
        "ConvertTo-SecureString -String '[copy the key here - with line feeds]' -AsPlainText",
        'NewSecretID("12345678-1234-9876-4563-123456789012", "group")',
        'dates.ParseAsFormat(&o.LastKeySync, "2006-01-02T15:04:05Z07:00")',
        'MagicCookieValue: "{{hex:64}}"',
        "{ServiceNowV2TypeBasic, ServiceNowV2AuthenticationTypeOAuth2}",
        'authenticationTag = "{{b64:[[alnum:16]]}}"',
        '"token": "abcd1234defg5678",\n"authToken": "{{b64:foo:bar}}"',
        "<key>{{HEX:24}}</key>",
        'oauth_signature="{{b64:[[alnum:20]]}}"',
        'HTTPHeaders.Name.secWebSocketKey, value: "{{b64:[[alnum:16]]}}")',
        "key, (ed25519.Ed25519PrivateKey, ed25519.Ed25519PublicKey)",
        "Argon2 for passwords. AES-256-GCM or ChaCha20",
        "DOCKER_PASSWORD=credentials('{{uuid}}')",
        '"Password: "+fmt.Sprintf("%#v", this.Password)',
        "public val password: OAuthFlow? = null,",
        "Set-Cookie: 1P_JAR=2020-03-23-07; expires=Wed",
        'MSG91_AUTH_KEY=""\nAPP_SMS_MSG91_DLT_TEMPLATE_ID=""',
        '"Postman-Token": "{{uuid}}",',
        "if(token == NGHTTP3_QPACK_TOKEN__STATUS) {",
        "APP_SMTP_PASSWORD=\n _APP_SMS_PROVIDER=",
        '"http://www.mendeley.com/documents/?uuid={{uuid}}"',
        "https://www.freshbooks.com/api/authenticating-with-oauth-2-0-on-the-new-freshbooks-api",
        "ftp://me:user@domain.com@www.acme.test/",
        "JWT_SECRET=super-secret-jwt-token-with-at-least-32-characters-long",
        'scaleway_project_id = "{{uuid}}"',
        "digitalocean_size: {{lowernum:24}}",
        "apikeyalgorithm = {{hex:64}}",
        "accesskeylabel: {{uuid}}",
        "SESSION_SECRET_LIMIT={{hex:32}}",
        "private-key-version = {{hex:64}}",
        'servicePasswd = "p@ssw0rd"',
        "db_password: abcdefghij123456",
        "SMTP_PASSWD = EXPORT_ACCOUNT_42",
        # behind an empty setting the next one, and line ends that are written out
        r'"MAILJET_KEY=\"\"\nSMS_MSG91_DLT7_TEMPLATE=\"x\""',
        r"MAILJET_KEY=\r\nSMS_MSG91_DLT7_TEMPLATE=1",
        'MAILJET_KEY="" SMS_MSG91_DLT7_TEMPLATE=5',
        "MAILJET_KEY=SMS_MSG91_DLT7_TEMPLATE",
        r'"DEEPGRAM_KEY\nCOLOUR={{hex:40}}"',
        # types of resources, names in a list, what a table or a template says of a setting, files in base64
        '"AWS::CodeBuild::SourceCredential": "{{hex:16}}",',
        "        CohereMessageContentPart as CohereContent,\n        ThinkingAssistantMessageV2ContentOneItem,\n",
        "| smtpPassword           | false    | Optional SMTP password, provided |",
        '{{- define "openldap.secretName" -}}\n{{ default (include "openldap.fullname" .) .Values.secret }}',
        'mariadb-root-password: {{ required "A MariaDB Root Password is required!" .Values.password }}',
        "bin/cypher -u neo4j -p ${NEO4J_PASSWORD} \"call role('system')\" 2>/dev/null",
        "jenkinsKeyStoreBase64Encoded: |\n    1a2{{alnum:73}}\n    {{alnum:76}}\n    {{alnum:76}}",
    ],
)
def test_what_looks_like_an_assignment_is_none(line: str, scan) -> None:
    assert scan("-", stdin=expand(line + "\n", 3).encode()).json["findings"] == []


@pytest.mark.parametrize(
    "line",
    [
        "algolia_project_key = {{hex:32}}",
        "SESSION_SECRET={{hex:32}}",
        "db_password: abc{{alnum:12}}123",
        r'"DEEPGRAM_KEY=\n{{hex:40}}\n"',
        r'"x=1\ncreds={{alnum:24}}\n"',
    ],
)
def test_what_resembles_that_and_is_a_secret_is_found(line: str, scan) -> None:
    assert len(scan("-", stdin=expand(line + "\n", 3).encode()).json["findings"]) == 1


def test_a_password_behind_the_user_of_a_kubernetes_secret_is_found(scan) -> None:
    text = expand("kind: Secret\nstringData:\n  username: app\n  password: {{alnum:20}}\n", 5)
    assert [one["rule_id"] for one in scan("-", stdin=text.encode()).json["findings"]] == ["kubernetes-secret"]
