-- The tables of a Sage RBAC database, as this application needs them where there is no Sage.
-- Names and columns are Sage's own, so that a real one can take their place.

CREATE TABLE IF NOT EXISTS organization (
  id VARCHAR(32) NOT NULL PRIMARY KEY,
  orgname VARCHAR(255) NOT NULL UNIQUE COMMENT '机构名称',
  orgabbr VARCHAR(255) COMMENT '简称',
  alias_name VARCHAR(255) COMMENT '别名',
  contactor VARCHAR(255) COMMENT '联系人',
  contactor_phone VARCHAR(255) COMMENT '联系电话',
  province_id VARCHAR(32) COMMENT '省',
  city_id VARCHAR(32) COMMENT '市',
  distinct_id VARCHAR(32) COMMENT '区',
  emailaddress VARCHAR(255) COMMENT '邮箱',
  address VARCHAR(255) COMMENT '地址',
  main_business VARCHAR(255) COMMENT '主营业务',
  orgcode VARCHAR(255) COMMENT '机构代码',
  license_img VARCHAR(255) COMMENT '营业执照',
  id_img VARCHAR(255) COMMENT '证件',
  parentid VARCHAR(32) COMMENT '上级机构',
  org_type VARCHAR(255) COMMENT '机构类型',
  sitename VARCHAR(255) COMMENT '站点名称'
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci COMMENT='机构';

CREATE TABLE IF NOT EXISTS orgtypes (
  id VARCHAR(32) NOT NULL PRIMARY KEY,
  orgid VARCHAR(32) NOT NULL COMMENT '机构',
  orgtypeid VARCHAR(32) NOT NULL COMMENT '机构类型',
  KEY orgtypes_orgid (orgid)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci COMMENT='机构的类型';

CREATE TABLE IF NOT EXISTS users (
  id VARCHAR(32) NOT NULL PRIMARY KEY,
  username VARCHAR(255) NOT NULL UNIQUE COMMENT '用户名',
  password VARCHAR(255) COMMENT '密码',
  email VARCHAR(255) COMMENT '邮箱',
  orgid VARCHAR(32) COMMENT '机构',
  nick_name VARCHAR(255) COMMENT '昵称',
  address VARCHAR(255) COMMENT '地址',
  mobile VARCHAR(255) COMMENT '手机',
  user_status CHAR(1) NOT NULL DEFAULT '0' COMMENT '0 可用，1 停用',
  created_at DATE COMMENT '创建日期',
  last_login TIMESTAMP NULL DEFAULT NULL COMMENT '最近登录',
  login_fail_count SMALLINT NOT NULL DEFAULT 0 COMMENT '连续登录失败次数',
  last_login_fail TIMESTAMP NULL DEFAULT NULL COMMENT '最近登录失败',
  sync_from VARCHAR(32) COMMENT '同步来源',
  KEY users_orgid (orgid)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci COMMENT='用户（Pipeline-App 建立）';

CREATE TABLE IF NOT EXISTS role (
  id VARCHAR(32) NOT NULL PRIMARY KEY,
  orgtypeid VARCHAR(32) NOT NULL DEFAULT '0' COMMENT '机构类型',
  name VARCHAR(100) NOT NULL COMMENT '角色名'
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci COMMENT='角色';

CREATE TABLE IF NOT EXISTS userrole (
  id VARCHAR(32) NOT NULL PRIMARY KEY,
  userid VARCHAR(32) NOT NULL COMMENT '用户',
  roleid VARCHAR(32) NOT NULL COMMENT '角色',
  KEY userrole_userid (userid)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci COMMENT='用户的角色';

CREATE TABLE IF NOT EXISTS permission (
  id VARCHAR(32) NOT NULL PRIMARY KEY,
  name VARCHAR(255) COMMENT '权限名',
  description VARCHAR(255) COMMENT '说明',
  parentid VARCHAR(32) COMMENT '上级',
  path VARCHAR(255) NOT NULL UNIQUE COMMENT '路径',
  icon VARCHAR(255) COMMENT '图标',
  permtype VARCHAR(255) COMMENT '类型',
  need_audit CHAR(1) NOT NULL DEFAULT '0' COMMENT '1 需审计'
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci COMMENT='权限';

CREATE TABLE IF NOT EXISTS rolepermission (
  id VARCHAR(32) NOT NULL PRIMARY KEY,
  roleid VARCHAR(32) NOT NULL COMMENT '角色',
  permid VARCHAR(32) NOT NULL COMMENT '权限',
  KEY rolepermission_roleid (roleid),
  KEY rolepermission_permid (permid)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci COMMENT='角色的权限';

CREATE TABLE IF NOT EXISTS audit_log (
  id VARCHAR(32) NOT NULL PRIMARY KEY,
  permid VARCHAR(32) COMMENT '权限',
  userid VARCHAR(32) COMMENT '用户',
  params_kw TEXT COMMENT '参数',
  exe_date DATE COMMENT '日期',
  exe_timestamp TIMESTAMP NULL DEFAULT NULL COMMENT '时间',
  remote_ip VARCHAR(40) COMMENT '来源地址',
  KEY audit_log_exe_date (exe_date)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci COMMENT='审计日志';
