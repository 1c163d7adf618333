"""What is refused about users, passwords, second factors and one-time links."""

from app.base.errors import ErrorCode, FieldCode

USERS_ARE_SAGES = ErrorCode(
    "users_are_sages",
    409,
    "Users, roles and passwords are kept in Sage. Change them there.",
    "用户、角色和密码由 Sage 管理，请在 Sage 中修改。",
)
LAST_ADMINISTRATOR = ErrorCode(
    "last_administrator",
    409,
    "Nobody could look after the application any more: this is the last administrator who can sign"
    " in. Give another user the role owner.superuser first.",
    "这是最后一个可以登录的管理员，之后将无人能管理系统。请先为其他用户授予角色 owner.superuser。",
)
OWN_USER = ErrorCode(
    "own_user",
    409,
    "This is not done to one's own account here. Ask another administrator; password and second"
    " factor are changed under My account.",
    "不能在此对自己的账户执行此操作。请由其他管理员操作；密码和二次验证可在“我的账户”中修改。",
)
NO_SUCH_USER = ErrorCode(
    "user_not_found",
    404,
    "There is no such user any more. Read the list again.",
    "该用户已不存在，请刷新列表。",
)
USER_DISABLED = ErrorCode(
    "user_disabled",
    409,
    "This user is disabled. Enable it first.",
    "该用户已停用，请先启用。",
)
LINK_NOT_VALID = ErrorCode(
    "link_not_valid",
    404,
    "This link was used already, or its time is over. Ask an administrator for a new one.",
    "此链接已使用或已过期，请向管理员索取新的链接。",
)
SECOND_FACTOR_WANTED = ErrorCode(
    "second_factor_wanted",
    401,
    "The password is right. Send the code of your authenticator app, or a recovery code, along.",
    "密码正确。请同时提供身份验证器上的验证码，或一个恢复代码。",
)
SECOND_FACTOR_SETUP = SECOND_FACTOR_WANTED.variant(
    "Your role signs in with a second factor. Set it up now, and send a code of it along.",
    "您的角色须使用二次验证登录。请先设置，再提供其验证码。",
)
WRONG_CODE_SENT = ErrorCode(
    "wrong_code",
    401,
    "The code is wrong, or was used already. Wait for the next one and try again.",
    "验证码错误或已使用过，请等待下一个验证码再试。",
)
SECOND_FACTOR_KEY = ErrorCode(
    "second_factor_key",
    503,
    "This host cannot check codes: its second_factor_key is another one. Use a recovery code."
    " Operator: copy var/secrets/second_factor_key from the other host.",
    "本机无法校验验证码：second_factor_key 不一致。请使用恢复代码。"
    "运维人员：请从其他主机复制 var/secrets/second_factor_key。",
)
SECOND_FACTOR_NOT_BEGUN = ErrorCode(
    "second_factor_not_begun",
    409,
    "The set-up has ended or was begun anew elsewhere. Begin again.",
    "设置已结束或已在别处重新开始，请重新设置。",
)
SECOND_FACTOR_ON = ErrorCode(
    "second_factor_on",
    409,
    "The second factor is on already. Turn it off first to set up another device.",
    "二次验证已启用。如需更换设备，请先停用。",
)
SECOND_FACTOR_OFF = ErrorCode(
    "second_factor_off",
    409,
    "There is no second factor to change.",
    "未启用二次验证。",
)
SECOND_FACTOR_REQUIRED = ErrorCode(
    "second_factor_required",
    409,
    "Your role has to sign in with a second factor: it cannot be turned off.",
    "您的角色必须使用二次验证，不能停用。",
)

WRONG_PASSWORD = FieldCode("wrong_password", "This is not your password.", "密码不正确。")
WRONG_CODE = FieldCode(
    "wrong_code",
    "The code is wrong, or was used already. Wait for the next one.",
    "验证码错误或已使用过，请等待下一个。",
)
PASSWORD_TOO_SHORT = FieldCode(
    "bad_password", "Use at least {least} characters.", "至少 {least} 个字符。"
)
PASSWORD_TOO_SIMPLE = FieldCode(
    "bad_password",
    "Use more than {most} different characters.",
    "须包含 {most} 个以上不同的字符。",
)
PASSWORD_OF_NAME = FieldCode(
    "bad_password", "The user name must not stand in it.", "不得包含用户名。"
)
PASSWORD_AS_BEFORE = FieldCode("bad_password", "Use another one than before.", "不得与原密码相同。")
NO_SUCH_ROLE = FieldCode("no_such_role", "There is no role {role}.", "没有角色 {role}。")
