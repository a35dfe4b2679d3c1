"""Old and new forms of kanji that company names are written with.

The register keeps old forms where they have a JIS code, and people type whichever their keyboard gives.
Unicode's own normalisation unites compatibility ideographs only (神 with U+FA19). The rest stands here: old
forms of the character lists of 1949 (当用漢字字体表) and 1981 (常用漢字表), and variants usual in
names.
"""

from __future__ import annotations

from typing import Final

_PAIRS: Final = """
亞亜 惡悪 壓圧 圍囲 醫医 爲為 壹壱 隱隠 榮栄 營営 衞衛 驛駅 圓円 緣縁 艷艶 鹽塩 奧奥 應応 橫横 歐欧 毆殴
黃黄 溫温 穩穏 假仮 價価 畫画 會会 繪絵 壞壊 懷懐 槪概 擴拡 殼殻 覺覚 學学 嶽岳 樂楽 勸勧 卷巻 歡歓 罐缶
觀観 關関 陷陥 顏顔 歸帰 氣気 龜亀 僞偽 戲戯 犧犠 舊旧 據拠 擧挙 虛虚 峽峡 挾挟 敎教 狹狭 鄕郷 曉暁 區区
驅駆 勳勲 薰薫 徑径 惠恵 溪渓 經経 繼継 莖茎 螢蛍 輕軽 鷄鶏 藝芸 縣県 硏研 獻献 權権 驗験 顯顕 險険 劍剣
儉倹 圈圏 檢検 嚴厳 效効 廣広 恆恒 鑛鉱 號号 國国 黑黒 濟済 碎砕 劑剤 櫻桜 雜雑 參参 慘惨 棧桟 蠶蚕 贊賛
殘残 絲糸 齒歯 兒児 辭辞 濕湿 實実 舍舎 寫写 釋釈 收収 從従 澁渋 獸獣 縱縦 肅粛 處処 緖緒 敍叙 奬奨 將将
燒焼 稱称 證証 乘乗 剩剰 壤壌 孃嬢 條条 淨浄 狀状 疊畳 讓譲 釀醸 囑嘱 觸触 寢寝 愼慎 眞真 盡尽 圖図 粹粋
醉酔 隨随 髓髄 數数 樞枢 瀨瀬 聲声 靜静 攝摂 竊窃 專専 戰戦 淺浅 潛潜 纖繊 踐践 錢銭 禪禅 雙双 壯壮 搜捜
插挿 曾曽 巢巣 爭争 總総 聰聡 莊荘 裝装 騷騒 增増 臟臓 藏蔵 卽即 屬属 續続 墮堕 體体 對対 帶帯 滯滞 臺台
瀧滝 擇択 澤沢 單単 擔担 膽胆 團団 彈弾 斷断 癡痴 晝昼 蟲虫 鑄鋳 廳庁 徵徴 聽聴 鎭鎮 遞逓 鐵鉄 轉転 點点
傳伝 黨党 盜盗 燈灯 當当 鬪闘 德徳 獨独 讀読 屆届 繩縄 貳弐 惱悩 腦脳 霸覇 廢廃 拜拝 賣売 麥麦 發発 髮髪
拔抜 蠻蛮 祕秘 濱浜 甁瓶 拂払 佛仏 竝並 變変 邊辺 寶宝 豐豊 沒没 每毎 萬万 滿満 麵麺 默黙 彌弥 藥薬 譯訳
豫予 餘余 與与 譽誉 搖揺 樣様 謠謡 遙遥 來来 賴頼 亂乱 覽覧 龍竜 兩両 獵猟 壘塁 勵励 禮礼 靈霊 隸隷 齡齢
戀恋 爐炉 勞労 樓楼 郞郎 祿禄 錄録 灣湾 晉晋 堯尭 槇槙 瑤瑶 凜凛 檜桧 籠篭 髙高 﨑崎 嵜崎 濵浜 邉辺 齋斉
斎斉 齊斉 嶋島 嶌島 栁柳 槗橋 𣘺橋 𠮷吉 冨富 渕淵 渊淵 桒桑 舘館 穐秋 藪薮 鷗鴎 頰頬 㐂喜 曻昇 竃竈 諌諫
埜野 邨村 峯峰 﨟臈 舩船 裵裴 覊羈 壻婿
"""

NEW_FORMS: Final = {ord(pair[0]): pair[1] for pair in _PAIRS.split()}
"""For :meth:`str.translate`. Where several old forms exist they meet in one character."""
