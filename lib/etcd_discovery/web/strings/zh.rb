# frozen_string_literal: true

module EtcdDiscovery
  class Web
    class Strings
      ZH = {
        skip: "跳到正文", navigation: "主导航", trail: "当前位置",
        nav_overview: "概览", nav_keys: "键", nav_services: "服务", nav_events: "事件",
        live_on: "实时", live_off: "未实时", announce_changed: "已变更：{names}", announce_lost: "连接已断开，正在重试",
        acting_as: "操作人：%<name>s", may_write: "可以在此修改", read_only: "只读",
        to_overview: "返回概览", now: "现在", everything: "全部",

        state_live: "实时", state_stale: "已过期", state_denied: "被 etcd 拒绝", state_trouble: "异常",
        serving: "共 %<keys>s 个键，版本 %<revision>s",
        fact_followed: "跟随节点", fact_version: "etcd 版本", fact_age: "上次确认", fact_reconnects: "重连次数",
        fact_relists: "重新全量读取", fact_audits: "核对", fact_watched: "监听范围", fact_invalid: "无效的值",
        audits: "%<count>s 次，差异 %<found>s 次", fact_process: "本进程",
        last_minutes: "最近五分钟", five_minutes_ago: "5 分钟前", top: "上限 %<value>s",
        chart_rate: "变更的键", chart_age: "数据的时效", chart_visible: "写入到可见",
        chart_label: "%<name>s：现在 %<now>s，最近五分钟不超过 %<top>s",
        per_second: "%<value>s/秒", in_seconds: "%<value>s 秒", in_milliseconds: "%<value>s 毫秒", no_figures: "暂无数据",
        processes: "进程", processes_hint: "未配置 fleet（config.fleet）时，这里列出最近一分钟内应答过本页面的进程。",

        search: "搜索", search_label: "搜索键", all_keys: "所有键", no_keys: "这里没有键。",
        nothing_found: "没有键名包含所有这些词。", keys_inside: "%<count>s 个键", one_key_inside: "%<count>s 个键", col_count: "包含", no_name: "（无名）",
        next_page: "下一页",
        absent: "没有此键", empty: "空值", masked: "已隐藏：看起来是机密",

        value_now: "当前值", changed_at: "最后修改于版本 %<revision>s", no_such_key: "没有这个键。",

        change: "修改", value: "新值", value_base64: "新值（Base64）", save: "保存", create: "新建",
        note: "备注", note_hint: "为什么修改？备注会写入历史。",
        note_hint_no_log: "为什么修改？备注只写入本进程日志；设置 change_log 可保存在 etcd 中。",
        ends_by_itself: "该值在租约下，会自动结束；在此保存会使其永久生效。请结束覆盖，或重新覆盖。",
        note_missing: "请写明修改原因。", wrong_value: "值不符合要求：%<type>s。未写入任何内容。",
        allowed: "允许：%<range>s", default_is: "默认值：%<value>s",
        type_string: "文本", type_integer: "整数", type_float: "数字", type_boolean: "true 或 false",
        type_list: "列表，以逗号或换行分隔", type_duration: "时长，例如 250ms 或 1h30m", type_json: "JSON",
        delete_key: "删除此键", delete_hint: "所有进程都将看到此键不存在。",
        delete_hint_declared: "所有进程都将恢复声明的默认值。",
        not_changed_masked: "该值已隐藏；看不到的值不能在此修改。",
        not_changed_large: "该值太大，不能在此编辑。请用 etcd_discovery apply 和文件。",
        not_changed_log: "此键属于变更日志，只能追加条目。",

        show_past: "显示历史", history: "历史", at_revision: "版本 %<revision>s", was_changed: "修改", was_created: "新建", was_deleted: "删除",
        no_history: "etcd 已没有此键的历史。", history_unavailable: "暂时无法读取历史：%<reason>s",
        too_long_to_compare: "值太长，无法在此比较。",
        roll_back_here: "回滚到此版本", roll_back: "回滚", roll_back_to: "回滚到版本 %<revision>s",
        roll_back_advice: "将发生以下变更：", nothing_differs: "当前值相同，无需回滚。",

        wrote_here: "已写入，版本 %<revision>s。本进程已生效。",
        wrote_waiting: "已写入，版本 %<revision>s。本进程尚未收到。",

        conflict: "有人先改了", conflict_advice: "在您查看之后此键已被修改。未写入任何内容。",
        conflict_yours: "您的值", conflict_now: "当前值", conflict_again: "重新决定",
        conflict_deletion: "您想删除此键。",
        conflict_release: "您想结束覆盖。", nothing_to_end: "覆盖已经结束，无需操作。",

        no_services: "监听范围内没有已注册的服务。", service_unwatched: "未监听此服务的键。",
        service_kept: "已没有实例；暂时保留最后的列表。", no_instances: "没有实例。",
        instances_of: "%<name>s 的实例", ejected: "已摘除", in_use: "使用中", rejected: "无法读取的值",
        more_services: "另有 %<count>s 个服务。",

        events_hint: "本进程的客户端最近发生的事。键的变更不在此列。", no_events: "还没有发生任何事。",
        events_hint_fleet: "本进程的客户端最近发生的事，以及 fleet 每个成员最近的事件。键的变更不在此列。", events_missing: "未收到事件：%<names>s",

        col_host: "主机", col_pid: "进程号", col_state: "状态", col_revision: "版本", col_age: "上次确认", col_reconnects: "重连",
        col_memory: "内存", col_key: "键", col_value: "值", col_type: "类型", col_changed: "版本",
        col_address: "地址", col_id: "标识", col_weight: "权重", col_in_flight: "进行中", col_metadata: "元数据",
        col_time: "时间", col_event: "事件", col_what: "内容",

        members: "etcd 成员", no_members: "这里没有 etcd，或无法询问。", fleet_unavailable: "无法询问 fleet：%<reason>s", fleet_hint: "fleet 共 %<count>s 个成员；有人查看时每十秒询问一次。", no_answer: "无应答", gone: "已离开", last_answer: "最后应答：%<at>s", last_seen: "最后出现：%<at>s", unknown: "未知", answers: "有应答", behind: "落后",
        wrote_fleet: "已写入，版本 %<revision>s。%<total>s 个进程中 %<reached>s 个已生效。", still_missing: "尚未生效：%<names>s", lease_left: "在租约下：若不续期，%<left>s 后消失",
        col_lease: "租约剩余", col_since: "加入时间", col_member: "成员", col_version: "版本", col_role: "角色", col_latency: "延迟", col_size: "数据库", leader: "领导者", follower: "跟随者",

        layers: "分层", layers_of: "%<name>s 在各层的值", wins: "生效", wins_for_a_time: "临时生效",
        covered: "被覆盖", in_force: "生效的值", views: "列表内容", col_layer: "层",
        override: "临时覆盖", override_hint: "时间一到自动还原，即使所有进程都已退出。",
        override_for: "持续秒数", override_start: "覆盖", override_end: "立即结束覆盖",
        override_left: "还将生效 %<left>s",
        error_conflict: "有人先改了", error_conflict_advice: "未写入任何内容。请查看此键后重新决定。",

        error_refused: "您无权查看此页面。", error_verb: "此地址不支持该方法。",
        error_not_found: "没有这个页面", error_not_found_advice: "地址有误，或页面已移动。",
        error_malformed: "无法读取请求", error_malformed_advice: "地址或表单的某一部分不正确。未写入任何内容。",
        error_unwatched: "未监听此键", error_unwatched_advice: "本页面只显示本进程监听的内容。",
        error_compacted: "etcd 已没有该版本", error_compacted_advice: "该版本已被压缩。请从历史中选择较新的版本。",
        error_forbidden_by_etcd: "etcd 不允许此操作", error_forbidden_by_etcd_advice: "本进程的用户缺少权限。未写入任何内容。",
        error_etcd_away: "无法连接 etcd", error_etcd_away_advice: "读取仍由本地副本提供。如果您正在写入，请先查看当前值再重试。",
        error_invalid_request: "etcd 拒绝此请求", error_invalid_request_advice: "未写入任何内容。",
        error_trouble: "出错了", error_trouble_advice: "原因如下。",
        error_read_only: "本页面为只读", error_read_only_advice: "未写入任何内容。EtcdDiscovery::Web 可设置 write: true。",
        error_foreign_origin: "表单来自其他站点", error_foreign_origin_advice: "未写入任何内容。若经过代理，请让它传递 X-Forwarded-Proto 和主机名。",
        error_no_token: "表单已失效", error_no_token_advice: "未写入任何内容。请返回并重新加载页面后再试；页面需要其 cookie。",
        error_masked: "该值已隐藏", error_masked_advice: "看不到的值不能在此修改。未写入任何内容。"
      }.freeze
    end
  end
end
