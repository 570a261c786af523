"""Words that say what kind of work a request asks for, by group. Data, not code.

English, German, French, Spanish and Chinese, chosen by hand. Chinese words have one or two
characters, because texts without spaces are read by these. A word may stand in several groups.
"""

from __future__ import annotations

KIND_WORDS: dict[str, str] = {
    "code": """
        code script function method class variable loop array string module library package api
        endpoint backend frontend framework compiler regex query sql database schema table index
        server client docker container kubernetes thread process memory pointer stack heap cache git
        branch commit merge repository unit test tests pipeline build deploy deployment algorithm
        program programming software app json xml yaml csv html css http https socket websocket tcp
        rest graphql async await callback promise exception traceback null undefined int float
        boolean dataframe column component hook widget plugin macro bash shell terminal command cli
        skript funktion methode klasse schleife datenbank abfrage programm fonction méthode boucle
        requête programme données serveur función método bucle consulta programa servidor código clase
        代码 函数 脚本 程序 算法 数据 查询 接口 变量 循环 线程 缓存 编译""",
    "technology": """
        python javascript typescript java kotlin swift rust golang go haskell scala perl ruby php
        matlab julia powershell sql postgres postgresql mysql sqlite mongodb redis kafka react vue
        angular svelte node nodejs django flask fastapi spring rails laravel pandas numpy pytorch
        tensorflow keras sklearn xgboost excel vba latex aws azure gcp terraform ansible nginx github
        gitlab jenkins webpack npm pip maven gradle cmake gcc opencv unity android ios flutter spark
        hadoop airflow rabbitmq elasticsearch prometheus grafana linux ubuntu windows verilog arduino
        solidity""",
    "to_write": """
        write implement create build code program generate develop make construct schreibe schreib
        implementiere programmiere erstelle entwickle écris implémente programme crée construis
        escribe implementa programa crea construye 写 编写 实现 生成 创建 编程""",
    "to_change": """
        refactor optimise optimize rewrite convert port migrate rename clean speed improve vectorize
        vectorise parallelize simplify modify extend add replace upgrade refaktoriere optimiere
        refactorise refactoriza optimiza mejora 重构 优化 改成 移植 改进""",
    "fault": """
        error errors bug bugs crash crashes crashed fails failing failed fail broken wrong hang hangs
        freeze leak deadlock deadlocks segfault exception timeout stuck issue fehler absturz stürzt
        hängt falsch schlägt fehl erreur plante bloque échoue faux fallo falla bloquea cuelga errores
        错误 崩溃 死锁 失败 报错 异常 泄漏 卡住""",
    "to_mend": """
        debug fix troubleshoot diagnose investigate reproduce debugge behebe débogue corrige depura
        arregla 调试 排查 定位 修复""",
    "system": """
        architecture system systems distributed scalable scale microservices microservice service
        services infrastructure platform tenant region failover latency throughput availability
        redundancy replication sharding partition consistency queue load balancer rate limiter
        protocol pattern patterns design architektur skalierbar ausfall système conception
        arquitectura sistema escalable 架构 系统 分布 可用 微服 服务 设计""",
    "to_design": """
        design architect propose sketch specify model structure entwirf konzipiere konzipieren conçois
        concevoir diseña propón diseñar 设计 搭建 构建""",
    "analysis": """
        analyze analyse compare contrast evaluate assess critique critically discuss justify argue
        examine investigate weigh interpret explain derive reason review recommend strategy strategies
        pros cons advantages disadvantages implications impact effects risks causes assumptions
        evidence hypothesis framework comprehensive detailed depth thorough analysiere vergleiche
        bewerte diskutiere begründe erörtere évalue discute justifie argumente analiza compara evalúa
        justifica razona argumenta 分析 比较 评估 论证 讨论 优缺 利弊 影响 原因""",
    "plan": """
        plan plans planning itinerary schedule timetable roadmap budget timeline milestones rota
        agenda route trip travel destination accommodation campaign launch rollout migration strategy
        steps weeks months organise organize arrange prioritize plane zeitplan reiseplan fahrplan
        organisiere planung planifie calendrier itinéraire voyage planifica calendario organiza
        itinerario viaje 计划 规划 安排 行程 日程 预算 方案 路线""",
    "maths": """
        prove proof theorem lemma equation equations integral derivative differentiate integrate
        matrix vector eigenvalue polynomial polynomials probability expected random variance
        permutation combinatorics integer integers prime divisible modulo gcd triangle circle radius
        angle perpendicular tangent parallel polygon area volume perimeter coordinate function
        functions limit series sequence sum product root roots solve evaluate compute determine let
        real complex number numbers positive maximum minimum maximize minimize beweise gleichung
        wahrscheinlichkeit bestimme berechne démontre équation probabilité détermine calcule demuestra
        ecuación probabilidad determina calcula 证明 方程 概率 求解 积分 矩阵 极限 三角 计算""",
    "logic": """
        puzzle riddle logic logical logically liar truth lies knight knave deduce conclude infer
        inference premise premises conclusion if then must all some none every statement statements
        true false therefore older younger taller left right order rätsel lügt wahrheit folgt
        schließen énigme ment vérité conclure acertijo miente verdad concluir 推理 逻辑 说谎 真话 结论
        推出""",
    "fact": """
        who when where which whom whose capital population born died founded invented wrote located
        country city president king river movie film song actor actress singer season episode wer wann
        wo wem hauptstadt qui quand où capitale quién cuándo dónde cuál
        谁 哪 什么 多少 首都 哪里 哪年""",
    "text": """
        passage paragraph text article sentence sentences according extract summarize summarise
        summary list mentioned following review title category categories label classify
        classification paraphrase synonym synonyms antonym translate translation rewrite rephrase
        correct grammar spelling choose options given context question answer fasse zusammen übersetze
        satz absatz résume traduis phrase texte resume traduce frase texto 翻译 改写 总结 摘要 提取
        分类 句子 段落 文章 下面 以下 给定""",
    "errand": """
        play add playlist song music alarm remind reminder weather forecast temperature book
        restaurant table reservation movie theatre rate stars album card cards payment transfer
        account bank pin refund charge fee exchange money cash order delivery cancel subscription
        timer call message set delete show find spiele wecker erinnere wetter karte konto mets réveil
        rappelle météo carte compte pon alarma recuérdame tiempo tarjeta cuenta 闹钟 播放 天气 提醒
        预订 银行 歌""",
    "small_talk": """
        hi hello hey thanks thank bye goodbye morning evening please sorry ok okay yes no joke bored
        name hallo danke tschüss bonjour salut merci hola gracias adiós 你好 谢谢 再见 早上 笑话""",
    "why": """
        why how explain cause reason warum wieso weshalb wie pourquoi comment cómo porqué qué 为什 怎么
        怎样 如何""",
    "bound": """
        without must least most at only exactly never each every between within under ensure so that
        given constraint constraints requirement requirements support handle ohne mindestens höchstens
        genau sodass sans exactement sin exactamente 不能 必须 最多 至少 保证""",
}

KIND_GROUPS: dict[str, tuple[int, ...]] = {}
"""For each word the places of its groups in `KIND_WORDS`."""
for _place, _words in enumerate(KIND_WORDS.values()):
    for _word in dict.fromkeys(_words.split()):
        KIND_GROUPS[_word] = (*KIND_GROUPS.get(_word, ()), _place)
