"""Features of a text for telling kinds of work, and the words they count."""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from lc_asym_router.classify.text_features import HEAD, TAIL

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
for _place, _listed in enumerate(KIND_WORDS.values()):
    for _word in dict.fromkeys(_listed.split()):
        KIND_GROUPS[_word] = (*KIND_GROUPS.get(_word, ()), _place)


KIND_FEATURES_VERSION = 1
"""Raised with every change of a feature or of the words: weights of another version are refused."""

BUCKETS = 1 << 14
"""Places that the words are hashed to."""

_TOKEN = re.compile(r"[^\W\d_]+(?:['’][a-z]+)?|[0-9]+|\\[a-zA-Z]+|[^\w\s]")
_DENSE_SCRIPT = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0e7f]")
# No part may look far for its end from many beginnings: texts of one letter must stay cheap.
_CODE = re.compile(
    r"```|^[ \t]*(?:def|class|import|from|function|public|private|const|let|var|#include|SELECT|fn"
    r"|func|package)\b|[;{}][ \t]*$|=>|->|\w\(\)|[^\W_]_[^\W_]|\b[a-z]+[A-Z]\w|==|!=|\):|\w\.\w+\(",
    re.M,
)
_MATHS = re.compile(r"\\[a-zA-Z]+|\$|\b[a-z]\^|[≤≥√∑∫π≠∞]|\b[xyzn] ?= ?|\^\{?\d|\b\d+ ?[+*/×÷] ?\d")
_ASKS_FACT = re.compile(r"(?:who|when|where|what|which|is|are|does|do|can)\b", re.I)
_ASKS_WHY = re.compile(r"(?:why|how)\b", re.I)
_NUMBERED = re.compile(r"(?m)^[ \t]*\d+[.)]")

# How much a feature counts beside a hashed word under the same penalty.
_PRESENT, _SHARE, _SIGN = 0.21, 0.6, 0.3
_MOST = 3.0

KIND_NAMES: tuple[str, ...] = (
    *(f"has_{group}" for group in KIND_WORDS),
    *(f"share_{group}" for group in KIND_WORDS),
    "code_signs",
    "maths_signs",
    "fenced",
    "ends_in_question",
    "question_mark",
    "lines",
    "asks_fact",
    "asks_why",
    "numbered",
)
"""The dense features' names, in their order."""


@dataclass(frozen=True, slots=True)
class KindFeatures:
    """What is seen of a request.

    Attributes:
        dense: One number for each of `KIND_NAMES`.
        places: Buckets of its different words, rising, in [0, BUCKETS).
        share: What each of these counts, in (0, 1]; 0 where there is no word.
    """

    dense: Sequence[float]
    places: Sequence[int]
    share: float


def kind_features(text: str) -> KindFeatures:
    """Read a request. Of very long texts the beginning and the end are looked at."""
    if len(text) > HEAD + TAIL:
        text = f"{text[:HEAD]}\n{text[-TAIL:]}"
    words = set(_words(text))
    places = sorted({zlib.crc32(word.encode("utf-8", "replace")) % BUCKETS for word in words})
    counts = [0] * len(KIND_WORDS)
    for word in words:
        for group in KIND_GROUPS.get(word, ()):
            counts[group] += 1
    root = math.sqrt(len(words)) or 1.0
    asked = text.strip()
    dense = [
        *[_PRESENT if count else 0.0 for count in counts],
        *[_SHARE * count / root for count in counts],
        _signs(len(_CODE.findall(text))),
        _signs(len(_MATHS.findall(text))),
        _SIGN * ("```" in text),
        _SIGN * asked.endswith(("?", "？")),
        _SIGN * ("?" in text or "？" in text),
        _SIGN * min(1.0, text.count("\n") / 10),
        _SIGN * bool(_ASKS_FACT.match(asked)),
        _SIGN * bool(_ASKS_WHY.match(asked)),
        _SIGN * bool(_NUMBERED.search(text)),
    ]
    # Whether a word is there says as much as how often, and is steadier.
    return KindFeatures(dense, places, 1 / math.sqrt(len(places)) if places else 0.0)


def _signs(count: int) -> float:
    return _SIGN * 0.5 * min(_MOST, math.log1p(count))


def _words(text: str) -> list[str]:
    """Words in lower case; numbers by their length; characters and their pairs without spaces."""
    words: list[str] = []
    for token in _TOKEN.findall(text):
        first = token[0]
        if first.isalpha():
            word = token.lower()
            if not word.isascii() and _DENSE_SCRIPT.search(word):
                words += word
                words += map(str.__add__, word, word[1:])
            else:
                words.append(word)
        elif first == "\\" and len(token) > 1:
            words += ("\\", token)
        else:
            words.append(f"#{min(len(token), 4)}" if "0" <= first <= "9" else token)
    return words
